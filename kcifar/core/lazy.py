"""Modules that are imported when first used.

Parts (networks, augmentations, optimizers) are found, listed and checked by name before a backend is needed, so their modules use
`from kcifar.core.lazy import keras`: importing them takes milliseconds, and `--help` and reports never load a backend. Nothing is
added to `sys.modules` before the first use.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from kcifar.core.matplotlib_import import import_matplotlib


class LazyModule(ModuleType):
    """Imports the module when one of its attributes is first accessed."""

    def __getattr__(self, name: str) -> Any:
        if self.__name__ == "keras" and "keras" not in sys.modules:
            import_matplotlib()  # Keras imports it
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


keras: Any = LazyModule("keras")
pandas: Any = LazyModule("pandas")
tensorflow: Any = LazyModule("tensorflow")
