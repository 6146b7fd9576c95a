"""A saved run for Python code: files as plain containers, tables and arrays, read on first access."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.recipe.yaml_file import read_yaml
from kcifar.runs.arrays import load_npz
from kcifar.runs.csv_files import read_batch_table, read_history_table
from kcifar.runs.folder import (
    BATCHES_FILE,
    DATASET_FILE,
    ENVIRONMENT_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    MODEL_SUMMARY_FILE,
    PREDICTIONS_FILE,
    RECIPE_FILE,
    STATUS_FILE,
    TEST_FILE,
    load_saved_model,
    read_json,
)
from kcifar.runs.json_file import read_json_file

if TYPE_CHECKING:
    import pandas as pd

_Content = TypeVar("_Content")


@dataclass(frozen=True)
class Run:
    """A saved run, as returned by `kcifar.open_run`; files are read on first access.

    Attributes:
        path: The run folder.
    """

    path: Path

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        contents, _ = read_yaml(self.path / RECIPE_FILE)
        return dict(contents)

    @cached_property
    def status(self) -> dict[str, Any]:
        """State (running, finished, interrupted, failed), epoch and reason."""
        return self._read_object(STATUS_FILE)

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """Class names, counts, checksums and channel statistics of the data."""
        return self._read_object(DATASET_FILE)

    @cached_property
    def model_summary(self) -> dict[str, Any]:
        """Parameters, size, multiply-accumulates and layers of the network."""
        return self._read_object(MODEL_SUMMARY_FILE)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, devices, precision and command."""
        return self._read_object(ENVIRONMENT_FILE)

    @cached_property
    def test(self) -> dict[str, Any]:
        """Metrics on the test split."""
        return self._read_object(TEST_FILE)

    @cached_property
    def history(self) -> "pd.DataFrame":
        """One row per epoch."""
        return self._read(HISTORY_FILE, read_history_table)

    @cached_property
    def batches(self) -> "pd.DataFrame":
        """One row per `log_every` steps: means since the previous row."""
        return self._read(BATCHES_FILE, read_batch_table)

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """Labels, probabilities and indices of the test and validation splits."""
        return self._read(PREDICTIONS_FILE, load_npz) or {}

    def load_model(self) -> Any:
        """Return the trained `keras.Model`, which maps images 0..255 (batch, height, width, 3) to probabilities (batch, classes)."""
        return load_saved_model(self._locate(MODEL_FILE))

    def _repr_html_(self) -> str:
        """Show the run in a notebook: headline, learning curves, confusion matrix."""
        from kcifar.runs.run_card import make_run_card

        return make_run_card(self)

    def _locate(self, name: str) -> Path:
        path = self.path / name
        if not path.exists():
            reason = self._explain_untested() if name in (TEST_FILE, PREDICTIONS_FILE) else ""
            raise UserError(f"{path}: no such file; {reason or f'the run is {self._describe_state()}'}")
        return path

    def _explain_untested(self) -> str:
        """Say why a finished run has no results on a test split, and what to do; empty if it should have."""
        if not (self.path / MODEL_FILE).exists():
            return ""
        if "test" not in (read_json(self.path / DATASET_FILE) or {}).get("counts", {"test": 0}):
            return "its data set has no test split; `kcifar evaluate --split validation` takes the validation split"
        if self.recipe.get("test") == "never":
            return "its recipe says `test: never`; `kcifar evaluate`, or kcifar.evaluate from Python, reads the test split and adds the results"
        return ""

    def _describe_state(self) -> str:
        status = read_json(self.path / STATUS_FILE) or {}
        return f"{status.get('state', 'of unknown state')} after epoch {status.get('epoch', 0)}"

    def _read_object(self, name: str) -> dict[str, Any]:
        value = self._read(name, read_json_file)
        if not isinstance(value, dict):
            raise UserError(f"{self.path / name}: damaged: expected a JSON object")
        return value

    def _read(self, name: str, read: Callable[[Path], _Content]) -> _Content:
        path = self._locate(name)
        try:
            return read(path)
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from None


def open_run(path: str | Path) -> Run:
    """Open a saved run.

    Args:
        path: The run folder.
    Raises:
        UserError: `path` is not a run folder.
    """
    run = Run(Path(path))
    if not (run.path / RECIPE_FILE).is_file():
        raise UserError(f"{one_line(path)}: expected a run folder (with {RECIPE_FILE}), got none")
    return run
