"""Saved runs as the report sees them: read and checked, or left out by name with the reason."""

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
from kcifar.recipe.yaml_file import read_yaml
from kcifar.runs.arrays import TEST_SPLIT, VALIDATION_SPLIT, Examples, KeptImages, Predictions, match_kept_images, read_examples, read_predictions
from kcifar.runs.csv_files import read_batches, read_history
from kcifar.runs.evaluation_result import EvaluationResult, convert_metrics_file, evaluate_predictions
from kcifar.runs.find import name_folders
from kcifar.runs.folder import BATCHES, DATASET, ENVIRONMENT, HISTORY, MODEL, PREDICTIONS, RECIPE, STATUS, TEST
from kcifar.runs.json_file import read_json_file
from kcifar.runs.schemas import DatasetFile, EnvironmentFile, MetricsFile, ModelFile, RecipeFile, StatusFile

_Schema = TypeVar("_Schema", bound=BaseModel)


@dataclass(frozen=True)
class LoadedRun:
    """One run folder, read.

    Attributes:
        name: What tells the run from the others of the report: the folder's name, with parents where two are alike.
        folder: Where it lies.
        recipe: The resolved recipe.
        history: A row for each completed epoch, at least one; columns as in `history.csv`. `val_` columns, `images_seen` and
            `compilation_seconds` that the file lacks, and values that are not finite, are NaN.
        status: How far the training came.
        model: Size of the network, or None while unknown.
        environment: Backend, precision and hardware, or None while unknown.
        test: Metrics of the test split, or None: not evaluated.
        dataset: Classes and images of each part, or None while unknown.
        settings: The resolved recipe whole, as plain containers.
        published: A log that somebody published, beside which the run is to be shown (`csv_files.read_published_log`); None: none was given.

    What follows is read when first asked for; a damaged file raises a UserError then (`check_arrays` asks for all).
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

    @cached_property
    def batches(self) -> pandas.DataFrame | None:
        """`batches.csv`: step, stage, epoch, and the means of loss and accuracy since the row before; None without rows."""
        return read_batches(self.folder / BATCHES)

    @cached_property
    def test_predictions(self) -> Predictions | None:
        """Predictions of the test part, or None."""
        return read_predictions(self.folder, TEST_SPLIT)

    @cached_property
    def validation_predictions(self) -> Predictions | None:
        """Predictions of the validation part, or None."""
        return read_predictions(self.folder, VALIDATION_SPLIT)

    @property
    def predictions(self) -> Predictions | None:
        """Predictions of the test part, else of validation, else None; what `evaluation` is about."""
        return self.test_predictions if self.test else self.test_predictions or self.validation_predictions

    @cached_property
    def examples(self) -> Examples | None:
        """Images of `predictions` kept to be shown, or None."""
        return read_examples(self.folder)

    @cached_property
    def kept_images(self) -> KeptImages | None:
        """The images of `examples` with what was predicted for each; None where there is none."""
        return match_kept_images(self.predictions, self.examples)

    @property
    def test_accuracy(self) -> float:
        """Of a single view of each image, in [0, 1]; NaN without a test result."""
        return self.test.accuracy if self.test else math.nan

    @property
    def minutes(self) -> float:
        """Of all completed epochs; NaN where the time of one is not known."""
        return float(self.history["seconds"].sum(skipna=False)) / 60

    @property
    def compilation_minutes(self) -> float:
        """Of the minutes, those in which programs were compiled; NaN where the time of one epoch is not known."""
        return float(self.history["compilation_seconds"].sum(skipna=False)) / 60

    @cached_property
    def evaluation(self) -> EvaluationResult | None:
        """Result on the test part, else on validation; None where there is neither."""
        if self.test:
            return convert_metrics_file(self.test)
        return evaluate_predictions(self.predictions, self.class_names) if self.predictions else None

    @property
    def class_names(self) -> list[str]:
        """In the order of the labels; "class 0", "class 1", … where the run does not tell."""
        if self.test and self.test.classes:
            return [result.name for result in self.test.classes]
        if self.dataset:
            return self.dataset.class_names
        return [f"class {k}" for k in range(self.predictions.probabilities.shape[1])] if self.predictions else []

    def check_arrays(self) -> None:
        """Read what is read late, and see that it fits together.

        Raises:
            UserError: A file is damaged or does not fit the others.
        """
        for predictions in (self.test_predictions, self.validation_predictions):
            if predictions and predictions.probabilities.shape[1] != len(self.class_names):
                raise UserError(f"{PREDICTIONS}: expected {len(self.class_names)} classes, got {predictions.probabilities.shape[1]}")
        if self.test and self.test_predictions and len(self.test_predictions.labels) != self.test.samples:
            raise UserError(f"{PREDICTIONS}: expected {self.test.samples} test images as {TEST} has, got {len(self.test_predictions.labels)}")
        _ = self.batches, self.examples, self.evaluation

    @property
    def planned_epochs(self) -> int:
        """Epochs that the recipe orders, over all stages."""
        return sum(stage.epochs for stage in self.recipe.stages)

    @property
    def best_validation(self) -> tuple[float, int] | None:
        """Best validation accuracy and its epoch, the first of several; None without validation."""
        accuracy = self.history["val_accuracy"]
        if accuracy.isna().all():
            return None
        row = int(accuracy.argmax())
        return float(accuracy.iloc[row]), int(self.history["epoch"].iloc[row])

    @property
    def progress(self) -> str:
        """How far an unfinished run came: "interrupted after 12 of 35 epochs"; empty for a finished one."""
        if self.status.state == "finished":
            return ""
        return f"{self.status.state} after {len(self.history)} of {self.planned_epochs} epochs"


@dataclass(frozen=True)
class SkippedFolder:
    """A folder that the report leaves out, why, and what tells it from the other folders."""

    folder: Path
    reason: str
    name: str


def load_runs(folders: Sequence[Path]) -> tuple[list[LoadedRun], list[SkippedFolder]]:
    """Read run folders; those that are damaged, foreign or without a completed epoch are returned with the reason."""
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
    if not (folder / RECIPE).is_file():
        raise UserError(_explain_foreign(folder))
    recipe, settings = _read_recipe(folder / RECIPE)
    status = _read_checked(folder / STATUS, StatusFile)
    if status is None:
        raise UserError(f"{STATUS}: missing")
    history = read_history(folder / HISTORY, status)
    if history["stage_index"].max() >= len(recipe.stages):
        raise UserError(f"{HISTORY}: expected at most {len(recipe.stages)} stages, as {RECIPE} has them, got more")
    model = _read_checked(folder / MODEL, ModelFile)
    environment = _read_checked(folder / ENVIRONMENT, EnvironmentFile)
    test = _read_checked(folder / TEST, MetricsFile)
    dataset = _read_checked(folder / DATASET, DatasetFile)
    return LoadedRun(name, folder, recipe, history, status, model, environment, test, dataset, settings)


def _explain_foreign(folder: Path) -> str:
    if any(folder.glob(f"*/{RECIPE}")):
        return f"not a run folder but one that holds runs; report them all with --runs {folder}"
    return f"not a run folder (it has no {RECIPE})"


def _read_recipe(path: Path) -> tuple[RecipeFile, Mapping[str, Any]]:
    try:
        content, _ = read_yaml(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), path.name)) from None
    return checked(RecipeFile, content, (), lambda _: path.name), content


def _read_checked(path: Path, content: type[_Schema]) -> _Schema | None:
    """Read and check one JSON file; None where there is none."""
    value = read_json_file(path)
    return None if value is None and not path.exists() else checked(content, value, (), lambda _: path.name)
