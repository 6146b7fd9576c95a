"""Half a cosine, once or again and again."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, length_within, period_length


@SCHEDULES.register("cosine")
def cosine(span: Span, *, value: Value, end: Value = 0.0) -> np.ndarray:
    """Return end + (value - end) x (1 + cos(pi t / T)) / 2 for each update, float64 (span.steps,).

    Args:
        span: The updates.
        value: At t = 0.
        end: At t = T, the update after the last; torch's `eta_min`. A larger one than `value` makes a rise.
    Source: Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5, without the restarts;
    torch.optim.lr_scheduler.CosineAnnealingLR.
    """
    return _half_wave(np.arange(span.steps) / span.steps, value, end)


@SCHEDULES.register("cosine_restarts")
def cosine_restarts(
    span: Span, *, value: Value, period: Duration, growth: Annotated[float, Field(ge=1, le=100)] = 1.0, end: Value = 0.0
) -> np.ndarray:
    """Return end + (value - end) x (1 + cos(pi T_cur / T_i)) / 2 for each update, float64 (span.steps,).

    T_i is the length of the i-th period, T_cur the updates since it began. The last period may be cut off by the end of the stage:
    the last value is near `end` where the periods fill the stage.

    Args:
        span: The updates.
        value: At the start of each period.
        period: The first one, T_0.
        growth: Of each period over the one before, T_mult.
        end: What each period falls to; torch's `eta_min`.
    Raises:
        UserError: Not even the first period fits.
    Source: Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5;
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """
    starts = _starts(span, period, growth)
    steps = np.arange(span.steps)
    current = np.searchsorted(starts, steps, side="right") - 1
    return _half_wave((steps - starts[current]) / np.diff(starts)[current], value, end)


def _half_wave(done: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return the way from `first` (done = 0) to `last` (done = 1)."""
    wave: np.ndarray = last + (first - last) * (1 + np.cos(np.pi * done)) / 2
    return wave


def _starts(span: Span, duration: float | str, growth: float) -> np.ndarray:
    """Return the updates that periods begin with, the last of them at or behind the end of the span."""
    length_within(span, "period", duration)
    starts, length = [0.0], period_length(span, "period", duration)
    while starts[-1] < span.steps:
        starts.append(starts[-1] + length)
        length *= growth
    return np.round(starts)
