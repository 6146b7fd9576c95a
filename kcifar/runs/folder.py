"""The run folder: the only thing that passes between training and everything after it.

`RunFolder` names its files and guards it while it is trained; `run.Run` reads it afterwards. Every file but the append-only ones is
complete or absent, and none is a pickle.
"""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.files import PARTIAL, write_file, write_json, write_text
from kcifar.core.lazy import keras
from kcifar.runs.json_file import read_json_file

if TYPE_CHECKING:
    pass

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


def load_saved_model(path: Path) -> Any:
    """Return the `keras.Model` of a file, of Keras' layers and our own; code that a file brings along is refused."""
    import kcifar.layers  # noqa: F401  # makes our own layers known to Keras by name

    return keras.models.load_model(path, compile=False, safe_mode=True)


def read_json(path: Path) -> Any:
    """Return a JSON file's contents, or None if it is missing or damaged."""
    try:
        return read_json_file(path)
    except UserError:
        return None


def csv_cell(value: Any) -> str:
    """Write a value so that reading it gives the very same number; texts are quoted where CSV needs it."""
    if isinstance(value, float):
        return repr(float(value))
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text
