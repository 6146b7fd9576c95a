"""Modules that are imported when first used.

Parts (networks, augmentations, optimizers) are found, listed and checked by name before any backend is wanted, so their files
say `from kcifar.core.lazy import keras`: importing them stays a matter of milliseconds, and `--help` and reports never load a backend.
Nothing is put into `sys.modules` before the first use.
"""

import importlib
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Stands for a module until one of its attributes is asked for."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


keras: Any = LazyModule("keras")
pandas: Any = LazyModule("pandas")
tensorflow: Any = LazyModule("tensorflow")
