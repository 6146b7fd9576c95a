"""Values that stay for a while, then change at once."""

from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Factor, Value, length_within, period_length

# A list longer than this is a table, and no longer read by anyone.
MAX_PIECES = 1000


@SCHEDULES.register("step")
def step(span: Span, *, value: Value, every: Duration, factor: Factor = 0.1) -> np.ndarray:
    """Return value x factor^k for each update, k = floor(t / every), float64 (span.steps,).

    Where `every` is no whole number of updates, the k-th fall is at the update nearest to k x every.

    Args:
        span: The updates.
        value: At the start.
        every: How long a value stays; the same as torch's `step_size`, which counts epochs.
        factor: Of each fall; torch's `gamma`.
    Source: torch.optim.lr_scheduler.StepLR; He et al., Deep Residual Learning, 2016, section 3.4 ("divided by 10").
    """
    length = period_length(span, "every", every)
    falls = np.round(np.arange(1, int(span.steps / length) + 2) * length)
    return value * factor ** np.searchsorted(falls, np.arange(span.steps), side="right")


@SCHEDULES.register("piecewise")
def piecewise(
    span: Span,
    *,
    values: Annotated[list[Value], Field(min_length=1, max_length=MAX_PIECES)],
    boundaries: Annotated[list[Duration], Field(max_length=MAX_PIECES)],
) -> np.ndarray:
    """Return values[i] from boundary i - 1 on, until boundary i, float64 (span.steps,).

    Args:
        span: The updates.
        values: One more than boundaries.
        boundaries: Ascending, from the start of the schedule: the first update with the next value, as torch's `milestones`
            (`PiecewiseConstantDecay` of Keras changes one update later).
    Raises:
        UserError: Another number of boundaries, boundaries that do not ascend, or one behind the end.
    Source: torch.optim.lr_scheduler.MultiStepLR.
    """
    if len(boundaries) != len(values) - 1:
        raise UserError(f"boundaries: expected {len(values) - 1}, one less than the values, got {len(boundaries)}")
    starts = [length_within(span, f"boundaries[{index}]", boundary) for index, boundary in enumerate(boundaries)]
    for index, (before, after) in enumerate(pairwise(starts), start=1):
        if after <= before:
            raise UserError(f"boundaries[{index}]: expected more than {boundaries[index - 1]!r}, the one before, got {boundaries[index]!r}")
    return np.array(values, np.float64)[np.searchsorted(np.round(starts), np.arange(span.steps), side="right")]
