"""The run folder: the only thing that passes between training and everything after it.

`RunFolder` names its files and guards it while it is trained; `Run` (from `open_run`) reads it afterwards. Every file but the
append-only ones is complete or absent, and none is a pickle.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.files import PARTIAL, write_file, write_json, write_text
from kcifar.core.lazy import keras, pandas
from kcifar.recipe.yaml_file import read_yaml

if TYPE_CHECKING:
    import pandas as pd

RECIPE, ENVIRONMENT, DATASET, MODEL = "recipe.yaml", "environment.json", "dataset.json", "model.json"
HISTORY, BATCHES, TEST, STATUS = "history.csv", "batches.csv", "test.json", "status.json"
PREDICTIONS, EXAMPLES, MODEL_FILE, BEST_FILE = "predictions.npz", "examples.npz", "model.keras", "best.keras"
CHECKPOINTS, TENSORBOARD, LOCK = "checkpoint", "tensorboard", ".lock"


@dataclass(frozen=True)
class RunFolder:
    """A run folder that is being written."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def holds_a_run(self) -> bool:
        """Whether a training was begun here."""
        return self._is_ours() and (self / RECIPE).exists()

    def is_finished(self) -> bool:
        """Whether the folder holds a run whose last file is written."""
        return self.holds_a_run() and read_json(self / STATUS)["state"] == "finished"

    def is_foreign(self) -> bool:
        """Whether the folder holds files, but none of a run: it is somebody else's and nothing in it is touched."""
        if not self.path.exists() or self._is_ours():
            return False
        return any(entry.name != LOCK and not entry.name.startswith(PARTIAL) for entry in self.path.iterdir())

    def _is_ours(self) -> bool:
        """Whether a training wrote its status here; a recipe alone may be the user's own file."""
        status = read_json(self / STATUS)
        return isinstance(status, dict) and status.keys() >= {"state", "epoch", "pid", "host"}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training into this folder; the operating system frees the lock of a process that died.

        Raises:
            UserError: Another process is training here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            status = read_json(self / STATUS) or {}
            holder = f" (process {status['pid']} on {status['host']})" if "pid" in status else ""
            raise UserError(
                f"{self.path}: another process is training into this folder{holder}; wait for it, or choose another folder with --run"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Delete what an earlier run wrote, but for the status and the recipe, which mark the folder as a run's until they are replaced.

        Checkpoints go first: if the process dies on the way, what is left is the earlier run without them, to be trained anew.
        """
        for name in (CHECKPOINTS, TENSORBOARD):
            if (self / name).exists():  # what cannot be deleted must not pass for the new run's: the error is the user's to see
                shutil.rmtree(self / name)
        for name in (MODEL_FILE, BEST_FILE, TEST, PREDICTIONS, EXAMPLES, HISTORY, BATCHES, DATASET, MODEL, ENVIRONMENT):
            (self / name).unlink(missing_ok=True)
        for partial in self.path.glob(f"{PARTIAL}*"):
            partial.unlink()

    def write_status(self, state: str, epoch: int, reason: str | None = None) -> None:
        """Write `status.json`: running, finished, interrupted or failed, after how many epochs, why, and by which process."""
        process = {"pid": os.getpid(), "host": socket.gethostname(), "updated": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(self / STATUS, {"state": state, "epoch": epoch, "reason": reason, **process})

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `history.csv`, a row an epoch."""
        columns = list(rows[0]) if rows else ["stage", "stage_index", "epoch"]
        lines = [",".join(columns), *(",".join(csv_cell(row[column]) for column in columns) for row in rows)]
        write_text(self / HISTORY, "\n".join(lines) + "\n")

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays as a compressed `.npz`."""
        write_file(self / name, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


@dataclass(frozen=True)
class Run:
    """A saved run, as `kcifar.open_run` gives it; files are read when asked for.

    Attributes:
        path: The run folder.
    """

    path: Path

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        contents, _ = read_yaml(self.path / RECIPE)
        return dict(contents)

    @cached_property
    def status(self) -> dict[str, Any]:
        """State (running, finished, interrupted, failed), epoch and reason."""
        return self._json(STATUS)

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """Class names, counts, hashes and channel statistics of the data."""
        return self._json(DATASET)

    @cached_property
    def model_summary(self) -> dict[str, Any]:
        """Parameters, size, multiply-accumulates and layers of the network."""
        return self._json(MODEL)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, devices, precision and command."""
        return self._json(ENVIRONMENT)

    @cached_property
    def test(self) -> dict[str, Any]:
        """Metrics of the test part."""
        return self._json(TEST)

    @cached_property
    def history(self) -> "pd.DataFrame":
        """A row an epoch."""
        rows: pd.DataFrame = pandas.read_csv(self._existing(HISTORY), keep_default_na=False, dtype={"stage": str})  # a stage may be called "NA"
        return rows

    @cached_property
    def batches(self) -> "pd.DataFrame":
        """A row each `log_every` steps: means since the row before."""
        rows: pd.DataFrame = pandas.read_csv(self._existing(BATCHES), keep_default_na=False, dtype={"stage": str})
        return rows

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """Labels, probabilities and indices of the test and validation parts."""
        with np.load(self._existing(PREDICTIONS), allow_pickle=False) as arrays:
            return dict(arrays)

    def load_model(self) -> Any:
        """Return the trained `keras.Model`: images 0..255 (batch, height, width, 3) in, probabilities (batch, classes) out."""
        return load_saved_model(self._existing(MODEL_FILE))

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not path.exists():
            raise UserError(f"{path}: no such file; the run is {self._state()}")
        return path

    def _state(self) -> str:
        status = read_json(self.path / STATUS) or {}
        return f"{status.get('state', 'of unknown state')} after epoch {status.get('epoch', 0)}"

    def _json(self, name: str) -> dict[str, Any]:
        value = read_json(self._existing(name))
        if not isinstance(value, dict):
            raise UserError(f"{self.path / name}: damaged: expected a JSON object")
        return value


def open_run(path: str | Path) -> Run:
    """Open a saved run.

    Args:
        path: The run folder.
    Raises:
        UserError: There is no run folder of that name.
    """
    run = Run(Path(path))
    if not (run.path / RECIPE).is_file():
        raise UserError(f"{one_line(path)}: expected a run folder (with {RECIPE}), found none")
    return run


def load_saved_model(path: Path) -> Any:
    """Return the `keras.Model` of a file, of Keras' layers and our own; code that a file brings along is refused."""
    import kcifar.layers  # noqa: F401  # makes our own layers known to Keras by name

    return keras.models.load_model(path, compile=False, safe_mode=True)


def read_json(path: Path) -> Any:
    """Return a JSON file's contents, or None if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def csv_cell(value: Any) -> str:
    """Write a value so that reading it gives the very same number; texts are quoted where CSV needs it."""
    if isinstance(value, float):
        return repr(float(value))
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text
