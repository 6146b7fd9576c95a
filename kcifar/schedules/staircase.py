"""Values that are constant for a while, then change at once."""

from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Factor, Value, measure_length, measure_period

# A longer list is a table that nobody reads.
MAX_PIECES = 1000


@SCHEDULES.register("step")
def step(span: Span, *, value: Value, every: Duration, factor: Factor = 0.1) -> np.ndarray:
    """Return value x factor^k for each update, k = floor(t / every), float64 (span.steps,).

    If `every` is not an integer number of updates, the k-th fall is at the update nearest to k x every.

    Args:
        span: The updates.
        value: At the start.
        every: Duration of each value; torch's `step_size`, which counts epochs.
        factor: Factor of each fall; torch's `gamma`.
    Source: torch.optim.lr_scheduler.StepLR; He et al., Deep Residual Learning, 2016, section 3.4 ("divided by 10").
    """
    length = measure_period(span, "every", every)
    falls = np.round(np.arange(1, int(span.steps / length) + 2) * length)
    return value * factor ** np.searchsorted(falls, np.arange(span.steps), side="right")


@SCHEDULES.register("piecewise")
def piecewise(
    span: Span,
    *,
    values: Annotated[list[Value], Field(min_length=1, max_length=MAX_PIECES)],
    boundaries: Annotated[list[Duration], Field(max_length=MAX_PIECES)],
) -> np.ndarray:
    """Return values[i] from boundary i - 1 up to boundary i, exclusive, float64 (span.steps,).

    Args:
        span: The updates.
        values: One more than boundaries.
        boundaries: Ascending durations from the start of the schedule to the first update with the next value, as torch's `milestones`
            (`PiecewiseConstantDecay` of Keras changes one update later).
    Raises:
        UserError: A wrong number of boundaries, boundaries that do not ascend, or one after the end.
    Source: torch.optim.lr_scheduler.MultiStepLR.
    """
    if len(boundaries) != len(values) - 1:
        raise UserError(f"boundaries: expected {len(values) - 1}, one fewer than the values, got {len(boundaries)}")
    starts = [measure_length(span, f"boundaries[{index}]", boundary) for index, boundary in enumerate(boundaries)]
    for index, (before, after) in enumerate(pairwise(starts), start=1):
        if after <= before:
            raise UserError(f"boundaries[{index}]: expected more than {boundaries[index - 1]!r}, the previous boundary, got {boundaries[index]!r}")
    return np.array(values, np.float64)[np.searchsorted(np.round(starts), np.arange(span.steps), side="right")]
