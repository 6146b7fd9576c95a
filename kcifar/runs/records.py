"""The append-only records of a run: `batches.csv` and the TensorBoard events, cut back to a checkpoint's lengths on resume."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kcifar.runs.event_file import EVENT_FILE, append_scalars
from kcifar.runs.folder import BATCHES, TENSORBOARD, RunFolder, csv_cell

BATCH_COLUMNS = "step,stage,epoch,loss,accuracy"
EVENTS = f"{TENSORBOARD}/{EVENT_FILE}"
APPENDED = (BATCHES, EVENTS)


@dataclass
class BatchRecorder:
    """Turns the running means of an epoch into the rows of `batches.csv`: means since the row before.

    Attributes:
        path: The file.
        stage: The stage's name.
        epoch: Over all stages, from 1.
        first_step: Updates of the run before this epoch.
        images: Images of the epoch.
        batch_size: Images an update, but for a smaller last batch.
        every: Updates between rows; the last update of the epoch has one too.
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
        """Take in the means after the epoch's update `step` (from 1); append a row if one is due."""
        seen = min(step * self.batch_size, self.images)
        if step % self.every and seen < self.images:
            return
        loss_sum, accuracy_sum, before = self._sums
        count = seen - before
        means = (loss * seen - loss_sum) / count, (accuracy * seen - accuracy_sum) / count
        self._sums = (loss * seen, accuracy * seen, seen)
        row = f"{self.first_step + step},{csv_cell(self.stage)},{self.epoch},{means[0]:.6g},{means[1]:.6g}\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(row)


def begin_records(folder: RunFolder) -> None:
    """Start `batches.csv` with its header if it is not there."""
    path = folder / BATCHES
    if not path.exists() or path.stat().st_size == 0:
        path.write_text(BATCH_COLUMNS + "\n", encoding="utf-8")


def record_epoch(folder: RunFolder, row: Mapping[str, Any]) -> None:
    """Append an epoch's numbers to the event file, under the names that TensorBoard groups: "train/loss", "validation/loss"."""
    values = {_tag(name): float(value) for name, value in row.items() if name not in ("stage", "stage_index", "epoch", "stage_epoch")}
    append_scalars(folder / EVENTS, int(row["epoch"]), values)


def flushed_lengths(folder: RunFolder) -> dict[str, int]:
    """Flush the append-only files to disk and return their lengths in bytes."""
    lengths = {}
    for name in APPENDED:
        if (folder / name).exists():
            with (folder / name).open("rb+") as file:
                os.fsync(file.fileno())
            lengths[name] = (folder / name).stat().st_size
    return lengths


def cut_back(folder: RunFolder, lengths: Mapping[str, int]) -> None:
    """Cut the append-only files back to the lengths of a checkpoint; one that the checkpoint does not know is deleted."""
    for name in APPENDED:
        path = folder / name
        if name not in lengths:
            path.unlink(missing_ok=True)
        elif path.exists() and path.stat().st_size > lengths[name]:
            os.truncate(path, lengths[name])


def _tag(name: str) -> str:
    if name.startswith("val_"):
        return f"validation/{name.removeprefix('val_')}"
    return f"train/{name}" if name in ("loss", "cross_entropy", "accuracy") else f"run/{name}"
