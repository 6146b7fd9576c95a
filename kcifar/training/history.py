"""The rows of `history.csv`: one per completed epoch, made from the epoch's training and validation."""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from kcifar.engine.epoch import EpochMetrics
from kcifar.engine.loss import compute_mean_loss
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.batches import EpochBatches
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.span import Span
from kcifar.runs.checkpoint import Position
from kcifar.training.metrics import accuracy, cross_entropy


def find_stage_rows(position: Position, stage: StagePlan) -> list[dict[str, Any]]:
    """Return the rows of a stage's completed epochs."""
    return [row for row in position.history if row["stage_index"] == stage.index]


def count_epoch(position: Position, batches: EpochBatches) -> None:
    """Move a run's position past an epoch that was trained."""
    position.epoch += 1
    position.stage_epoch += 1
    position.step += len(batches)
    position.images_seen += len(batches.order)


def compute_validation(loop: TrainingLoop, stage: StagePlan, data: PreparedData) -> dict[str, float]:
    """Return the validation columns of an epoch, from the un-augmented network; none without a validation split."""
    if data.validation is None:
        return {}
    labels = data.validation.labels[data.validation_indices]
    logits = loop.compute_logits(data.validation.images, data.validation_indices)
    loss = compute_mean_loss(stage, logits, labels) + loop.compute_penalty()
    return {"val_loss": loss, "val_cross_entropy": cross_entropy(logits, labels), "val_accuracy": accuracy(logits, labels)}


def make_row(
    position: Position, stage: StagePlan, learning_rate: float, trained: EpochMetrics, validation: dict[str, float], started: float
) -> dict[str, Any]:
    """Return the row of the epoch that was counted last.

    Args:
        position: The run's position, after the epoch.
        stage: The epoch's stage.
        learning_rate: Of the epoch's last update.
        trained: What the epoch's training gave.
        validation: The columns that `compute_validation` gave.
        started: When the epoch began, by `time.perf_counter`.
    """
    return {
        "stage": stage.name,
        "stage_index": stage.index,
        "epoch": position.epoch,
        "stage_epoch": position.stage_epoch,
        "learning_rate": learning_rate,
        "loss": trained.loss,
        "cross_entropy": trained.cross_entropy,
        "accuracy": trained.accuracy,
        **validation,
        "images_seen": position.images_seen,
        "seconds": time.perf_counter() - started,
        "images_per_second": trained.images_per_second,
        "compilation_seconds": trained.compilation_seconds,
    }


def find_first_learning_rate(position: Position, stage: StagePlan, learning_rates: np.ndarray, batches: int) -> float:
    """Return the learning rate of the first update of the epoch that comes next.

    Args:
        position: The run's position, before the epoch.
        stage: The epoch's stage.
        learning_rates: Of each update of the stage; beyond its end the last one holds.
        batches: Batches of an epoch.
    """
    updates = Span.of_stage(stage.epochs, batches, stage.settings.accumulate).updates_after(position.stage_epoch)
    return float(learning_rates[min(updates, len(learning_rates) - 1)])


def find_last_learning_rate(position: Position, stage: StagePlan, learning_rates: np.ndarray, batches: int) -> float:
    """Return the learning rate of the last update of the epoch that was counted last; arguments as in `find_first_learning_rate`."""
    updates = Span.of_stage(stage.epochs, batches, stage.settings.accumulate).updates_after(position.stage_epoch)
    return float(learning_rates[min(max(updates, 1), len(learning_rates)) - 1])


@dataclass
class TimeEstimate:
    """Estimates the rest of a run from the epochs that this process has trained.

    Attributes:
        total_epochs: Of all stages.
    """

    total_epochs: int
    _durations: list[float] = field(default_factory=list)

    def update(self, row: dict[str, Any]) -> float:
        """Take in an epoch's row and return the seconds left: the median epoch times the number of epochs left."""
        self._durations.append(row["seconds"])
        return (self.total_epochs - int(row["epoch"])) * median(self._durations)
