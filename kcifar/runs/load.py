"""Saved runs as the report sees them: read and checked, or left out by name with the reason."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas
from pydantic import BaseModel

from kcifar.core.checks import checked
from kcifar.core.errors import UserError, one_line
from kcifar.recipe.yaml_file import read_yaml
from kcifar.runs.arrays import TEST, VALIDATION, Examples, Predictions, read_examples, read_predictions
from kcifar.runs.csv_files import read_batches, read_history
from kcifar.runs.evaluation_result import Outcome, outcome_of_predictions, outcome_of_test
from kcifar.runs.find import distinct_names
from kcifar.runs.schemas import DatasetFacts, Environment, ModelFacts, SavedRecipe, Status, TestResult

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class SavedRun:
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
    recipe: SavedRecipe
    history: pandas.DataFrame
    status: Status
    model: ModelFacts | None = None
    environment: Environment | None = None
    test: TestResult | None = None
    dataset: DatasetFacts | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    published: pandas.DataFrame | None = None

    @cached_property
    def batches(self) -> pandas.DataFrame | None:
        """`batches.csv`: step, stage, epoch, and the means of loss and accuracy since the row before; None without rows."""
        return read_batches(self.folder / "batches.csv")

    @cached_property
    def test_predictions(self) -> Predictions | None:
        """Predictions of the test part, or None."""
        return read_predictions(self.folder, TEST)

    @cached_property
    def validation_predictions(self) -> Predictions | None:
        """Predictions of the validation part, or None."""
        return read_predictions(self.folder, VALIDATION)

    @property
    def predictions(self) -> Predictions | None:
        """Predictions of the test part, else of validation, else None; what `outcome` is about."""
        return self.test_predictions if self.test else self.test_predictions or self.validation_predictions

    @cached_property
    def examples(self) -> Examples | None:
        """Images of `predictions` kept to be shown, or None."""
        return read_examples(self.folder)

    @cached_property
    def outcome(self) -> Outcome | None:
        """Result on the test part, else on validation; None where there is neither."""
        if self.test:
            return outcome_of_test(self.test)
        return outcome_of_predictions(self.predictions, self.class_names) if self.predictions else None

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
        for found in (self.test_predictions, self.validation_predictions):
            if found and found.probabilities.shape[1] != len(self.class_names):
                raise UserError(f"predictions.npz: expected {len(self.class_names)} classes, got {found.probabilities.shape[1]}")
        if self.test and self.test_predictions and len(self.test_predictions.labels) != self.test.samples:
            raise UserError(f"predictions.npz: expected {self.test.samples} test images as test.json has, got {len(self.test_predictions.labels)}")
        _ = self.batches, self.examples, self.outcome

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
class Skipped:
    """A folder that the report leaves out, why, and what tells it from the other folders."""

    folder: Path
    reason: str
    name: str


def read_runs(folders: Sequence[Path]) -> tuple[list[SavedRun], list[Skipped]]:
    """Read run folders; those that are damaged, foreign or without a completed epoch are returned with the reason."""
    folders = list({folder.resolve(): folder for folder in folders}.values())
    runs, skipped = [], []
    for folder, name in zip(folders, distinct_names(folders), strict=True):
        try:
            runs.append(read_run(folder, name))
        except UserError as error:
            skipped.append(Skipped(folder, str(error), name))
        except OSError as error:
            skipped.append(Skipped(folder, f"cannot be read: {error.strerror}", name))
    return runs, skipped


def read_run(folder: Path, name: str) -> SavedRun:
    """Read one run folder.

    Raises:
        UserError: A file is missing or damaged; the message names it, relative to the folder.
    """
    if not (folder / "recipe.yaml").is_file():
        raise UserError(_foreign(folder))
    recipe, settings = _read_recipe(folder / "recipe.yaml")
    status = _read_json(folder / "status.json", Status)
    if status is None:
        raise UserError("status.json: missing")
    history = read_history(folder / "history.csv", status)
    if history["stage_index"].max() >= len(recipe.stages):
        raise UserError(f"history.csv: expected at most {len(recipe.stages)} stages, as recipe.yaml has them, got more")
    model = _read_json(folder / "model.json", ModelFacts)
    environment = _read_json(folder / "environment.json", Environment)
    test = _read_json(folder / "test.json", TestResult)
    dataset = _read_json(folder / "dataset.json", DatasetFacts)
    return SavedRun(name, folder, recipe, history, status, model, environment, test, dataset, settings)


def _foreign(folder: Path) -> str:
    if any(folder.glob("*/recipe.yaml")):
        return f"not a run folder but one that holds runs; report them all with --runs {folder}"
    return "not a run folder (it has no recipe.yaml)"


def _read_recipe(path: Path) -> tuple[SavedRecipe, Mapping[str, Any]]:
    try:
        content, _ = read_yaml(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), path.name)) from None
    return checked(SavedRecipe, content, (), lambda _: path.name), content


def _read_json(path: Path, content: type[Content]) -> Content | None:
    """Read and check one JSON file; None where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name}: not valid JSON: {one_line(error, 80)}") from None
    return checked(content, value, (), lambda _: path.name)
