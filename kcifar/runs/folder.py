"""The run folder, the only thing that training hands over to reports, evaluation and export.

`RunFolder` writes its files and locks it during training; `run.Run` reads it afterwards. Every file except the append-only ones is
complete or absent, and none is a pickle.
"""

import os
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.files import PARTIAL, write_file, write_json, write_text
from kcifar.core.lazy import keras
from kcifar.core.option_names import name_option
from kcifar.runs.json_file import read_json_file

RECIPE_FILE, ENVIRONMENT_FILE, DATASET_FILE, MODEL_SUMMARY_FILE = "recipe.yaml", "environment.json", "dataset.json", "model.json"
HISTORY_FILE, BATCHES_FILE, TEST_FILE, STATUS_FILE = "history.csv", "batches.csv", "test.json", "status.json"
PREDICTIONS_FILE, EXAMPLES_FILE, MODEL_FILE, BEST_MODEL_FILE = "predictions.npz", "examples.npz", "model.keras", "best.keras"
CHECKPOINT_FOLDER, TENSORBOARD_FOLDER, EVALUATIONS_FOLDER, LOCK_FILE = "checkpoint", "tensorboard", "evaluations", ".lock"
_RESULT_FILES = (MODEL_FILE, BEST_MODEL_FILE, TEST_FILE, PREDICTIONS_FILE, EXAMPLES_FILE)
# How long the thread that ends a process waits for a status that the main thread is writing, in seconds.
_STATUS_SECONDS = 0.5
_status_lock = threading.Lock()
_CLEARED_FILES = (*_RESULT_FILES, HISTORY_FILE, BATCHES_FILE, DATASET_FILE, MODEL_SUMMARY_FILE, ENVIRONMENT_FILE)


@dataclass(frozen=True)
class RunFolder:
    """A run folder during training."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def has_run(self) -> bool:
        """Whether training was started in this folder."""
        return self._has_status() and (self / RECIPE_FILE).exists()

    def is_finished(self) -> bool:
        """Whether the folder contains a run that wrote its last file."""
        return self.has_run() and read_json(self / STATUS_FILE)["state"] == "finished"

    def has_other_files(self) -> bool:
        """Whether the folder contains files but not a run: they are the user's, and none of them is touched."""
        if not self.path.exists() or self._has_status():
            return False
        return any(entry.name != LOCK_FILE and not entry.name.startswith(PARTIAL) for entry in self.path.iterdir())

    def _has_status(self) -> bool:
        """Whether training wrote its status here; a recipe alone may be the user's file."""
        status = read_json(self / STATUS_FILE)
        return isinstance(status, dict) and status.keys() >= {"state", "epoch", "pid", "host"}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training into this folder; the operating system releases the lock of a process that dies.

        Raises:
            UserError: Another process is training here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self / LOCK_FILE)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            status = read_json(self / STATUS_FILE) or {}
            holder = f" (process {status['pid']} on {status['host']})" if "pid" in status else ""
            raise UserError(
                f"{self.path}: another process is training into this folder{holder}; wait for it, or choose another folder with {name_option('run')}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Delete the files of an earlier run except the status and the recipe, which mark the folder as a run folder until they are replaced.

        Checkpoints go first: if the process dies midway, the earlier run is left without checkpoints and starts again.
        """
        for name in (CHECKPOINT_FOLDER, TENSORBOARD_FOLDER, EVALUATIONS_FOLDER):
            if (self / name).exists():  # an error must reach the user: files that remain would pass for the new run's
                shutil.rmtree(self / name)
        for name in _CLEARED_FILES:
            (self / name).unlink(missing_ok=True)
        for partial in self.path.glob(f"{PARTIAL}*"):
            partial.unlink()

    def remove_run(self) -> None:
        """Delete the run in the folder, if there is one, so that it is not taken for one that is yet to be trained.

        Raises:
            UserError: Another process is training here.
        """
        if self.has_run():
            with self.lock():
                self.clear()
                (self / RECIPE_FILE).unlink()
                (self / STATUS_FILE).unlink()

    def write_status(self, state: str, epoch: int, reason: str | None = None) -> None:
        """Write `status.json`: running, finished, interrupted or failed, the completed epochs, the reason, and the process."""
        with _status_lock:
            self._write_status(state, epoch, reason)

    def write_interruption(self, epoch: int, reason: str) -> None:
        """Write "interrupted" to `status.json`, unless the run has ended otherwise.

        Called from another thread than the main one, which is about to be ended wherever it is, this is the last status.
        """
        if not _status_lock.acquire(timeout=_STATUS_SECONDS):
            return
        try:
            if (read_json(self / STATUS_FILE) or {}).get("state") == "running":
                self._write_status("interrupted", epoch, reason)
        finally:
            if threading.current_thread() is threading.main_thread():
                _status_lock.release()

    def _write_status(self, state: str, epoch: int, reason: str | None) -> None:
        process = {"pid": os.getpid(), "host": socket.gethostname(), "updated": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(self / STATUS_FILE, {"state": state, "epoch": epoch, "reason": reason, **process})

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `history.csv`, one row per epoch."""
        columns = list(rows[0]) if rows else ["stage", "stage_index", "epoch"]
        lines = [",".join(columns), *(",".join(format_csv_cell(row[column]) for column in columns) for row in rows)]
        write_text(self / HISTORY_FILE, "\n".join(lines) + "\n")

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays as a compressed `.npz`."""
        write_file(self / name, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def load_saved_model(path: Path) -> Any:
    """Return the `keras.Model` of a file, with Keras' layers and those of kcifar; code inside the file is refused."""
    import kcifar.layers  # noqa: F401  # registers kcifar's layers with Keras

    return keras.models.load_model(path, compile=False, safe_mode=True)


def read_json(path: Path) -> Any:
    """Return a JSON file's contents, or None if it is missing or damaged."""
    try:
        return read_json_file(path)
    except UserError:
        return None


def format_csv_cell(value: Any) -> str:
    """Format a value so that reading it gives exactly the same number; texts are quoted where CSV requires it."""
    if isinstance(value, float):
        return repr(float(value))
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text
