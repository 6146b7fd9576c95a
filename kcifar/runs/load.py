"""Saved runs, as the report reads them: checked, or skipped with the reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas
from pydantic import BaseModel

from kcifar.core.checks import checked
from kcifar.core.errors import UserError
from kcifar.core.mistakes import SeveralMistakes
from kcifar.core.option_names import name_option
from kcifar.recipe.yaml_file import read_yaml
from kcifar.runs.arrays import TEST_SPLIT, VALIDATION_SPLIT, Examples, KeptImages, Predictions, match_kept_images, read_examples, read_predictions
from kcifar.runs.csv_files import find_best_validation, read_batches, read_history
from kcifar.runs.evaluation_result import EvaluationResult, convert_metrics_file, evaluate_predictions
from kcifar.runs.find import name_folders
from kcifar.runs.folder import (
    BATCHES_FILE,
    DATASET_FILE,
    ENVIRONMENT_FILE,
    HISTORY_FILE,
    MODEL_SUMMARY_FILE,
    PREDICTIONS_FILE,
    RECIPE_FILE,
    STATUS_FILE,
    TEST_FILE,
)
from kcifar.runs.json_file import read_json_file
from kcifar.runs.schemas import DatasetFile, EnvironmentFile, MetricsFile, ModelFile, RecipeFile, StatusFile

_Schema = TypeVar("_Schema", bound=BaseModel)


@dataclass(frozen=True)
class LoadedRun:
    """The content of one run folder.

    Attributes:
        name: Unique name of the run in the report: the name of the folder, with parent folders if several runs have the same name.
        folder: Path of the run folder.
        recipe: The parts of the resolved recipe that the report needs.
        history: One row per completed epoch, at least one; columns as in `history.csv`. Values that are not finite are NaN, and so are
            `val_` columns, `images_seen` and `compilation_seconds` if the file lacks them.
        status: State of the training.
        model: Size of the network, or None if unknown.
        environment: Backend, precision and hardware, or None if unknown.
        test: Metrics on the test split, or None if not evaluated.
        dataset: Classes and number of images of each split, or None if unknown.
        settings: The complete resolved recipe, as plain containers.
        published: A published log to compare the run with (`csv_files.read_published_log`), or None.
        is_reference: Whether the user named its recipe as the one that others are compared with.

    The cached properties are read on first access and raise a UserError if a file is damaged (`check_arrays` reads all of them).
    """

    name: str
    folder: Path
    recipe: RecipeFile
    history: pandas.DataFrame
    status: StatusFile
    model: ModelFile | None = None
    environment: EnvironmentFile | None = None
    test: MetricsFile | None = None
    dataset: DatasetFile | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    published: pandas.DataFrame | None = None
    is_reference: bool = False

    @cached_property
    def batches(self) -> pandas.DataFrame | None:
        """`batches.csv`: step, stage, epoch, and the means of loss and accuracy since the previous row; None without rows."""
        return read_batches(self.folder / BATCHES_FILE)

    @cached_property
    def test_predictions(self) -> Predictions | None:
        """Predictions for the test split, or None."""
        return read_predictions(self.folder, TEST_SPLIT)

    @cached_property
    def validation_predictions(self) -> Predictions | None:
        """Predictions for the validation split, or None."""
        return read_predictions(self.folder, VALIDATION_SPLIT)

    @property
    def predictions(self) -> Predictions | None:
        """Predictions for the split of `evaluation`: test, else validation, else None."""
        return self.test_predictions if self.test else self.test_predictions or self.validation_predictions

    @cached_property
    def examples(self) -> Examples | None:
        """Example images that the run stored, or None."""
        return read_examples(self.folder)

    @cached_property
    def kept_images(self) -> KeptImages | None:
        """The images of `examples` with their `predictions`; None if there are none."""
        return match_kept_images(self.predictions, self.examples)

    @property
    def dataset_name(self) -> str:
        """Name of the data set that was trained on, which is not the recipe's if arrays took its place; that of the recipe if unrecorded."""
        return (self.dataset.name if self.dataset else "") or self.recipe.dataset.name

    @property
    def test_accuracy(self) -> float:
        """Test accuracy over a single view of each image, in [0, 1]; NaN without a test result."""
        return self.test.accuracy if self.test else math.nan

    @property
    def minutes(self) -> float:
        """Minutes of all completed epochs; NaN if the time of any epoch is unknown."""
        return float(self.history["seconds"].sum(skipna=False)) / 60

    @property
    def compilation_minutes(self) -> float:
        """The part of `minutes` spent on compilation; NaN if that of any epoch is unknown."""
        return float(self.history["compilation_seconds"].sum(skipna=False)) / 60

    @cached_property
    def evaluation(self) -> EvaluationResult | None:
        """Result on the test split, else on the validation split, else None."""
        if self.test:
            return convert_metrics_file(self.test)
        return evaluate_predictions(self.predictions, self.class_names) if self.predictions else None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the labels; "class 0", "class 1", … if the run does not have them."""
        if self.test and self.test.classes:
            return [result.name for result in self.test.classes]
        if self.dataset:
            return self.dataset.class_names
        return [f"class {k}" for k in range(self.predictions.probabilities.shape[1])] if self.predictions else []

    def check_arrays(self) -> None:
        """Read the files that are otherwise read on first access, and check that they match.

        Raises:
            UserError: A file is damaged or does not match the others.
        """
        for predictions in (self.test_predictions, self.validation_predictions):
            if predictions and predictions.probabilities.shape[1] != len(self.class_names):
                raise UserError(f"{PREDICTIONS_FILE}: expected {len(self.class_names)} classes, got {predictions.probabilities.shape[1]}")
        if self.test and self.test_predictions and len(self.test_predictions.labels) != self.test.samples:
            raise UserError(
                f"{PREDICTIONS_FILE}: expected {self.test.samples} test images, as in {TEST_FILE}, got {len(self.test_predictions.labels)}"
            )
        _ = self.batches, self.examples, self.evaluation

    @property
    def planned_epochs(self) -> int:
        """Epochs of the recipe, over all stages."""
        return sum(stage.epochs for stage in self.recipe.stages)

    @property
    def best_validation(self) -> tuple[float, int] | None:
        """Highest validation accuracy of all stages and its epoch, the first of several; None without validation.

        Tables and charts mark this epoch. It does not depend on the recipe, so it may be another epoch than the one whose weights were
        kept: `select: best` compares values of `monitor`, which may be a loss (`tested_epoch.find_tested_row`), and early stopping ignores
        improvements of at most `min_delta`, within one stage (`early_stopping.is_better`).
        """
        return find_best_validation(self.history)

    @property
    def progress(self) -> str:
        """State and epochs of an unfinished run: "interrupted after 12 of 35 epochs"; empty for a finished run."""
        if self.status.state == "finished":
            return ""
        return f"{self.status.state} after {len(self.history)} of {self.planned_epochs} epochs"


@dataclass(frozen=True)
class SkippedFolder:
    """A folder that the report leaves out, with the reason and a unique name."""

    folder: Path
    reason: str
    name: str


def load_runs(folders: Sequence[Path]) -> tuple[list[LoadedRun], list[SkippedFolder]]:
    """Read run folders; damaged folders, other folders and runs without a completed epoch are returned with the reason."""
    folders = list({folder.resolve(): folder for folder in folders}.values())
    runs, skipped = [], []
    for folder, name in zip(folders, name_folders(folders), strict=True):
        try:
            runs.append(load_run(folder, name))
        except UserError as error:
            skipped.append(SkippedFolder(folder, str(error), name))
        except OSError as error:
            skipped.append(SkippedFolder(folder, f"cannot be read: {error.strerror}", name))
    return runs, skipped


def load_run(folder: Path, name: str) -> LoadedRun:
    """Read one run folder.

    Raises:
        UserError: A file is missing or damaged; the message names it, relative to the folder.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise UserError(_explain_other_folder(folder))
    recipe, settings = _read_recipe(folder / RECIPE_FILE)
    status = _read_checked(folder / STATUS_FILE, StatusFile)
    if status is None:
        raise UserError(f"{STATUS_FILE}: missing")
    history = read_history(folder / HISTORY_FILE, status)
    if history["stage_index"].max() >= len(recipe.stages):
        raise UserError(f"{HISTORY_FILE}: expected at most {len(recipe.stages)} stages, as in {RECIPE_FILE}, got {history['stage_index'].max() + 1}")
    model = _read_checked(folder / MODEL_SUMMARY_FILE, ModelFile)
    environment = _read_checked(folder / ENVIRONMENT_FILE, EnvironmentFile)
    test = _read_checked(folder / TEST_FILE, MetricsFile)
    dataset = _read_checked(folder / DATASET_FILE, DatasetFile)
    return LoadedRun(name, folder, recipe, history, status, model, environment, test, dataset, settings)


def _explain_other_folder(folder: Path) -> str:
    if any(folder.glob(f"*/{RECIPE_FILE}")):
        return f"not a run folder, but it contains runs; to report on them, use {name_option('runs', folder)}"
    return f"not a run folder (it has no {RECIPE_FILE})"


def _read_recipe(path: Path) -> tuple[RecipeFile, Mapping[str, Any]]:
    try:
        content, _ = read_yaml(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), path.name)) from None
    try:
        return checked(RecipeFile, content, (), lambda _: path.name), content
    except SeveralMistakes as error:
        raise UserError("; ".join(mistake.line for mistake in error.mistakes)) from None  # one line for a folder that is skipped


def _read_checked(path: Path, content: type[_Schema]) -> _Schema | None:
    """Read and check a JSON file; None if there is no such file."""
    value = read_json_file(path)
    return None if value is None and not path.exists() else checked(content, value, (), lambda _: path.name)
