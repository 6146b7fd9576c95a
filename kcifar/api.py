"""Training from Python: the commands are thin skins over this."""

import importlib.util
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.checks import expect_choice
from kcifar.core.errors import UserError, one_line
from kcifar.datasets.arrays import from_arrays
from kcifar.datasets.dataset import Dataset
from kcifar.recipe.load import Recipe, load_recipe
from kcifar.runs.run import Run
from kcifar.training.progress import new_progress
from kcifar.training.request import make_job

Arrays = tuple[np.ndarray, np.ndarray]


def train(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    data: str | Path | Dataset | Mapping[str, Arrays] | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    url: str | None = None,
    **overrides: Any,
) -> Run:
    """Train all stages of a recipe, read the test part once, and return the saved run.

    Args:
        recipe: A YAML file, the same as plain containers, or what `load_recipe` gave; None with `resume` goes on with a run's own.
        data: The data set's files; or images and labels: a `Dataset`, or {"train": (images, labels), "test": …, "validation": …}.
        run: The run folder; by default `runs/<recipe name>-seed<N>`.
        resume: Go on with the folder's run (or begin, if there is none yet).
        overwrite: Delete the folder's run and begin again.
        url: A mirror to download the data set from.
        overrides: Values that replace the recipe's: `seed=1`, or `**{"stages.0.epochs": 3}`.
    Raises:
        UserError: One line that names the place, what is allowed and what was received.
        TrainingFailed: A loss that is not finite.
    """
    path = data if isinstance(data, str | Path) else None
    dataset = _as_dataset(data) if data is not None and path is None else None
    if isinstance(recipe, Recipe):
        if overrides:
            raise UserError("overrides: expected none with a checked recipe; give them to load_recipe")
        checked: Recipe | None = recipe
    else:
        checked = None if recipe is None else load_recipe(recipe, overrides)
        if recipe is None and overrides:
            raise UserError(f"{next(iter(overrides))}: expected overrides together with a recipe; a run that goes on keeps its own")
    folder = None if run is None else Path(run)
    job = make_job(checked, folder, resume=resume, overwrite=overwrite, data=None if path is None else Path(path), url=url)
    from kcifar.training.trainer import train_job  # imports the backend's parts; mistakes above are answered without

    return train_job(job, new_progress(), dataset)


def import_parts(paths: Iterable[Path] | None) -> None:
    """Run a user's files, which register networks, augmentations or data sets of their own.

    Args:
        paths: Python files, in their order; None for none, as a command line without `--import` has it.
    Raises:
        UserError: No such file, or it fails; the message names the exception and its line.
    """
    for path in paths or ():
        _import_file(path)


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"--import {path}: expected a Python file, found none")
    spec = importlib.util.spec_from_file_location(f"kcifar_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--import {path}: expected a Python file (.py), got {path.name!r}")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path.absolute())]
        place = f"{path}:{lines[-1]}" if lines else path
        raise UserError(f"--import {place}: {type(error).__name__}: {one_line(error)}") from error


def _as_dataset(data: Any) -> Dataset:
    if isinstance(data, Dataset):
        return data
    allowed = ("train", "test", "validation", "class_names", "name")
    if not isinstance(data, Mapping) or "train" not in data:
        raise UserError(f"data: expected a path, a Dataset or a mapping with 'train': (images, labels), got {one_line(repr(data), 60)}")
    for key in data:
        expect_choice("data", str(key), allowed)
    return from_arrays(**data)
