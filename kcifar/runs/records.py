"""The append-only records of a run, `batches.csv` and the TensorBoard events, truncated to a checkpoint's lengths on resume."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kcifar.runs.event_file import EVENT_FILE, append_scalars
from kcifar.runs.folder import BATCHES_FILE, TENSORBOARD_FOLDER, RunFolder, format_csv_cell

BATCH_COLUMNS = "step,stage,epoch,loss,accuracy"
EVENT_PATH = f"{TENSORBOARD_FOLDER}/{EVENT_FILE}"
APPENDED_FILES = (BATCHES_FILE, EVENT_PATH)


@dataclass
class BatchRecorder:
    """Converts the running means of an epoch into the rows of `batches.csv`: means since the previous row.

    Attributes:
        path: The file.
        stage: The stage's name.
        epoch: Over all stages, from 1.
        first_step: Updates of the run before this epoch.
        images: Images of the epoch.
        batch_size: Images per update, except for a smaller last batch.
        every: Updates between rows; the last update of the epoch also gets a row.
    """

    path: Path
    stage: str
    epoch: int
    first_step: int
    images: int
    batch_size: int
    every: int
    _sums: tuple[float, float, int] = field(default=(0.0, 0.0, 0))

    def record(self, step: int, loss: float, accuracy: float) -> None:
        """Record the means after the epoch's update `step` (from 1); append a row if one is due."""
        seen = min(step * self.batch_size, self.images)
        if step % self.every and seen < self.images:
            return
        loss_sum, accuracy_sum, before = self._sums
        count = seen - before
        means = (loss * seen - loss_sum) / count, (accuracy * seen - accuracy_sum) / count
        self._sums = (loss * seen, accuracy * seen, seen)
        row = f"{self.first_step + step},{format_csv_cell(self.stage)},{self.epoch},{means[0]:.6g},{means[1]:.6g}\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(row)


def begin_records(folder: RunFolder) -> None:
    """Create `batches.csv` with its header if it is missing or empty."""
    path = folder / BATCHES_FILE
    if not path.exists() or path.stat().st_size == 0:
        path.write_text(BATCH_COLUMNS + "\n", encoding="utf-8")


def record_epoch(folder: RunFolder, row: Mapping[str, Any]) -> None:
    """Append an epoch's numbers to the event file, with the prefixes by which TensorBoard groups them: "train/loss", "validation/loss"."""
    values = {_make_tag(name): float(value) for name, value in row.items() if name not in ("stage", "stage_index", "epoch", "stage_epoch")}
    append_scalars(folder / EVENT_PATH, int(row["epoch"]), values)


def flush_records(folder: RunFolder) -> dict[str, int]:
    """Flush the append-only files to disk and return their lengths in bytes."""
    lengths = {}
    for name in APPENDED_FILES:
        if (folder / name).exists():
            with (folder / name).open("rb+") as file:
                os.fsync(file.fileno())
            lengths[name] = (folder / name).stat().st_size
    return lengths


def truncate_records(folder: RunFolder, lengths: Mapping[str, int]) -> None:
    """Truncate the append-only files to the lengths of a checkpoint; a file that the checkpoint does not list is deleted."""
    for name in APPENDED_FILES:
        path = folder / name
        if name not in lengths:
            path.unlink(missing_ok=True)
        elif path.exists() and path.stat().st_size > lengths[name]:
            os.truncate(path, lengths[name])


def _make_tag(name: str) -> str:
    if name.startswith("val_"):
        return f"validation/{name.removeprefix('val_')}"
    return f"train/{name}" if name in ("loss", "cross_entropy", "accuracy") else f"run/{name}"
