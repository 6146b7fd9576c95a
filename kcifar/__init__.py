"""Train small-image classifiers in stages with Keras 3.

    run = kcifar.train("stages/quickstart.yaml")     train all stages of a recipe
    runs = kcifar.train_seeds("quickstart", [0, 1])  the same with several seeds
    kcifar.open_run("runs/quickstart-seed0")         open a saved run: history, metrics, predictions, model
    kcifar.evaluate(run), kcifar.export(run)         metrics of a split; an inference model
    kcifar.report(["runs/a", "runs/b"])              tables and figures of saved runs

Names are imported when they are first used, so `import kcifar` and every `--help` stay fast.
"""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from kcifar.api import build_model as build_model
    from kcifar.api import evaluate as evaluate
    from kcifar.api import export as export
    from kcifar.api import find_learning_rate as find_learning_rate
    from kcifar.api import from_arrays as from_arrays
    from kcifar.api import load_dataset as load_dataset
    from kcifar.api import load_recipe as load_recipe
    from kcifar.api import open_run as open_run
    from kcifar.api import report as report
    from kcifar.api import train as train
    from kcifar.api import train_seeds as train_seeds
    from kcifar.core.errors import ExportFailed as ExportFailed
    from kcifar.core.errors import TrainingFailed as TrainingFailed
    from kcifar.core.errors import UserError as UserError
    from kcifar.datasets.dataset import Dataset as Dataset
    from kcifar.recipe.load import Recipe as Recipe
    from kcifar.runs.run import Run as Run

# The public names and the module of each.
_MODULES = {
    "train": "kcifar.api",
    "train_seeds": "kcifar.api",
    "evaluate": "kcifar.api",
    "report": "kcifar.api",
    "export": "kcifar.api",
    "open_run": "kcifar.api",
    "load_recipe": "kcifar.api",
    "build_model": "kcifar.api",
    "load_dataset": "kcifar.api",
    "find_learning_rate": "kcifar.api",
    "from_arrays": "kcifar.api",
    "Run": "kcifar.runs.run",
    "Recipe": "kcifar.recipe.load",
    "Dataset": "kcifar.datasets.dataset",
    "UserError": "kcifar.core.errors",
    "TrainingFailed": "kcifar.core.errors",
    "ExportFailed": "kcifar.core.errors",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kcifar' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*_MODULES, "__version__"]


class _MovedModules:
    """The last finder that an import asks: it says where a module of an older version is now."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> None:
        if name.startswith(f"{__name__}."):
            from kcifar.core.moved import check_not_moved

            check_not_moved(name)


sys.meta_path.append(_MovedModules)


class _Package(ModuleType):
    """Keeps `kcifar.train` the function when the module of the command, `kcifar/train.py`, is imported as well."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
