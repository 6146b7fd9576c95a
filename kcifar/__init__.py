"""Train small-image classifiers in stages with Keras 3: `kcifar.train(recipe)`, `kcifar.open_run(path)`, `kcifar.load_recipe(path)`.

Names are imported when first used, so that `import kcifar` and every `--help` stay quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Dataset", "Recipe", "Run", "UserError", "from_arrays", "load_recipe", "open_run", "train"]

if TYPE_CHECKING:
    from kcifar.api import train as train
    from kcifar.datasets.arrays import from_arrays as from_arrays
    from kcifar.datasets.dataset import Dataset as Dataset
    from kcifar.errors import UserError as UserError
    from kcifar.recipe import Recipe as Recipe
    from kcifar.recipe import load_recipe as load_recipe
    from kcifar.runs import Run as Run
    from kcifar.runs import open_run as open_run

_HOMES = {
    "Dataset": "kcifar.datasets.dataset",
    "Recipe": "kcifar.recipe",
    "Run": "kcifar.runs",
    "UserError": "kcifar.errors",
    "from_arrays": "kcifar.datasets.arrays",
    "load_recipe": "kcifar.recipe",
    "open_run": "kcifar.runs",
}


def __getattr__(name: str) -> Any:
    if name == "train":  # the command's module can be called: see kcifar/train.py
        return importlib.import_module("kcifar.train")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kcifar' has no attribute {name!r}")
