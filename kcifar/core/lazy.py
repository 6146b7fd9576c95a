"""Modules that are imported when first used.

Parts (networks, augmentations, optimizers) are found, listed and checked by name before a backend is needed, so their modules use
`from kcifar.core.lazy import keras`: importing them takes milliseconds, and `--help` and reports never load a backend. Nothing is
added to `sys.modules` before the first use.
"""

import importlib
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Imports the module when one of its attributes is first accessed."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


keras: Any = LazyModule("keras")
pandas: Any = LazyModule("pandas")
tensorflow: Any = LazyModule("tensorflow")
