"""Train small-image classifiers in stages with Keras 3: `kcifar.train(recipe)`, `kcifar.open_run(path)`, `kcifar.load_recipe(path)`.

Names are imported when first used, so that `import kcifar` and every `--help` stay quick.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Dataset", "Recipe", "Run", "UserError", "from_arrays", "load_recipe", "open_run", "train"]

if TYPE_CHECKING:
    from kcifar.api import train as train
    from kcifar.core.errors import UserError as UserError
    from kcifar.datasets.arrays import from_arrays as from_arrays
    from kcifar.datasets.dataset import Dataset as Dataset
    from kcifar.recipe.load import Recipe as Recipe
    from kcifar.recipe.load import load_recipe as load_recipe
    from kcifar.runs.run import Run, open_run

_HOMES = {
    "Dataset": "kcifar.datasets.dataset",
    "Recipe": "kcifar.recipe.load",
    "Run": "kcifar.runs.run",
    "UserError": "kcifar.core.errors",
    "from_arrays": "kcifar.datasets.arrays",
    "load_recipe": "kcifar.recipe.load",
    "open_run": "kcifar.runs.run",
    "train": "kcifar.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kcifar' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps `kcifar.train` the function where the command's module `kcifar/train.py` is imported too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
