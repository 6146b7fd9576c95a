"""A value that falls when a column of the history stops improving."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.numbers import NonnegativeNumber
from kcifar.recipe.span import EpochCount, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Factor, Value

Column = Literal["val_loss", "val_cross_entropy", "val_accuracy", "loss", "accuracy"]
Epochs = Annotated[int, Field(ge=0, le=10_000), EpochCount()]


@SCHEDULES.register("plateau")
def plateau(
    span: Span,
    *,
    value: Value,
    factor: Factor = 0.1,
    patience: Epochs = 10,
    monitor: Column = "val_loss",
    min_delta: NonnegativeNumber = 1e-4,
    min_value: Value = 0.0,
    cooldown: Epochs = 0,
) -> np.ndarray:
    """Return the value of each update, float64 (span.steps,): it is constant within an epoch and depends on the epochs before it.

    It depends on nothing except the history, so a resumed run continues with the value that it would have had. Updates of later epochs get
    the value of the next epoch. An epoch whose result is not finite is one without an improvement.

    Args:
        span: The updates, with the rows of the stage's completed epochs.
        value: Until the first fall.
        factor: Of each fall.
        patience: Number of consecutive epochs without an improvement that are tolerated; the value falls after one more.
        monitor: The column; accuracies should rise, losses should fall.
        min_delta: Smallest change that counts as an improvement, exclusive, in the unit of the column.
        min_value: Lower bound of the value.
        cooldown: Number of epochs after a fall that do not count as bad.
    Raises:
        UserError: The history lacks the column because there is no validation split.
    Source: torch.optim.lr_scheduler.ReduceLROnPlateau with `threshold_mode="abs"` and `eps=0`.
    """
    results = _read_column(span.history, monitor)
    if monitor.endswith("accuracy"):
        results = [-result for result in results]
    falls = np.array(_count_falls(results, patience, min_delta, cooldown))
    by_epoch = np.maximum(value * factor**falls, min(value, min_value))
    values: np.ndarray = by_epoch[np.minimum(_find_epochs(span), len(results))]
    return values


def _read_column(history: Sequence[Mapping[str, Any]], monitor: str) -> list[float]:
    for row in history:
        if row.get(monitor) is None:
            raise UserError(f"monitor: expected a column of the history, got {monitor!r}; without a validation split use 'loss' or 'accuracy'")
    return [float(row[monitor]) for row in history]


def _count_falls(results: Sequence[float], patience: int, min_delta: float, cooldown: int) -> list[int]:
    """Return the number of falls before each epoch, and before the one after the last; smaller results are better."""
    falls, best, bad, resting = [0], math.inf, 0, 0
    for result in results:
        better = result < best - min_delta
        best = result if better else best
        bad = 0 if better or resting else bad + 1
        resting = max(0, resting - 1)
        fell = bad > patience
        falls.append(falls[-1] + fell)
        if fell:
            bad, resting = 0, cooldown
    return falls


def _find_epochs(span: Span) -> np.ndarray:
    """Return the epoch, from 0, in which each update is applied, int64 (span.steps,).

    An update is applied with its last gradient: if gradients are accumulated, its first gradient may come from the previous epoch.
    """
    tolerance = 1e-9  # keeps an epoch's last update in it despite the rounding of the quotient
    return np.ceil(np.arange(1, span.steps + 1) / span.steps_per_epoch - tolerance).astype(np.int64) - 1
