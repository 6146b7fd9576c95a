"""A value that falls when a column of the history stops getting better."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.span import Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Factor, Value

Column = Literal["val_loss", "val_cross_entropy", "val_accuracy", "loss", "accuracy"]
Epochs = Annotated[int, Field(ge=0, le=10_000)]


@SCHEDULES.register("plateau")
def plateau(
    span: Span,
    *,
    value: Value,
    factor: Factor = 0.1,
    patience: Epochs = 10,
    monitor: Column = "val_loss",
    min_delta: Value = 1e-4,
    min_value: Value = 0.0,
    cooldown: Epochs = 0,
) -> np.ndarray:
    """Return the value of each update, float64 (span.steps,): that of its epoch, which follows from the epochs before it.

    Nothing is remembered outside of the history, so that a resumed run goes on with the value it would have had. Updates of epochs
    that are still to come get the value of the next epoch.

    Args:
        span: The updates, with the rows of the stage's completed epochs.
        value: Until the first fall.
        factor: Of each fall.
        patience: Epochs in a row without an improvement that are let pass; the value falls after one more.
        monitor: The column; accuracies should rise, the others fall.
        min_delta: What must be exceeded for an improvement, in the column's own unit.
        min_value: No fall goes below it.
        cooldown: Epochs after a fall that do not count as bad.
    Raises:
        UserError: The history lacks the column, for want of a validation part.
    Source: torch.optim.lr_scheduler.ReduceLROnPlateau with `threshold_mode="abs"` and `eps=0`.
    """
    results = _column(span.history, monitor)
    if monitor.endswith("accuracy"):
        results = [-result for result in results]
    falls = np.array(_falls(results, patience, min_delta, cooldown))
    by_epoch = np.maximum(value * factor**falls, min(value, min_value))
    values: np.ndarray = by_epoch[np.minimum(_epochs(span), len(results))]
    return values


def _column(history: Sequence[Mapping[str, Any]], monitor: str) -> list[float]:
    for row in history:
        if row.get(monitor) is None or math.isnan(row[monitor]):
            raise UserError(f"monitor: expected a column that the history has, got {monitor!r}; without a validation part: 'loss' or 'accuracy'")
    return [float(row[monitor]) for row in history]


def _falls(results: Sequence[float], patience: int, min_delta: float, cooldown: int) -> list[int]:
    """Return how often the value has fallen before the first epoch, the second, …, and the one after the last; smaller results are better."""
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


def _epochs(span: Span) -> np.ndarray:
    """Return the epoch, from 0, in which each update is made, int64 (span.steps,).

    An update is made when its last gradient has come: where gradients are accumulated it may have begun in the epoch before.
    """
    nearly = 1e-9  # an epoch's last update stays in it, however the quotient is rounded
    return np.ceil(np.arange(1, span.steps + 1) / span.steps_per_epoch - nearly).astype(np.int64) - 1
