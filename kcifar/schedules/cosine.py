"""Cosine annealing, with and without restarts."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, measure_length, measure_period


@SCHEDULES.register("cosine")
def cosine(span: Span, *, value: Value, end: Value = 0.0) -> np.ndarray:
    """Return end + (value - end) x (1 + cos(pi t / T)) / 2 for each update, float64 (span.steps,).

    Args:
        span: The updates.
        value: At t = 0.
        end: At t = T, the update after the last; torch's `eta_min`. If it is larger than `value`, the value rises.
    Source: Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5, without the restarts;
    torch.optim.lr_scheduler.CosineAnnealingLR.
    """
    return _compute_half_wave(np.arange(span.steps) / span.steps, value, end)


@SCHEDULES.register("cosine_restarts")
def cosine_restarts(
    span: Span, *, value: Value, period: Duration, growth: Annotated[float, Field(ge=1, le=100)] = 1.0, end: Value = 0.0
) -> np.ndarray:
    """Return end + (value - end) x (1 + cos(pi T_cur / T_i)) / 2 for each update, float64 (span.steps,).

    T_i is the length of the i-th period, T_cur the number of updates since its start. The end of the stage may cut off the last period;
    the last value is close to `end` only if the periods fill the stage.

    Args:
        span: The updates.
        value: At the start of each period.
        period: The first period, T_0.
        growth: Ratio of each period to the previous one, T_mult.
        end: The value that each period falls to; torch's `eta_min`.
    Raises:
        UserError: The first period exceeds the stage.
    Source: Loshchilov, Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, equation 5;
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """
    starts = _find_period_starts(span, period, growth)
    steps = np.arange(span.steps)
    current = np.searchsorted(starts, steps, side="right") - 1
    return _compute_half_wave((steps - starts[current]) / np.diff(starts)[current], value, end)


def _compute_half_wave(done: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return half a cosine from `first` (done = 0) to `last` (done = 1)."""
    wave: np.ndarray = last + (first - last) * (1 + np.cos(np.pi * done)) / 2
    return wave


def _find_period_starts(span: Span, duration: float | str, growth: float) -> np.ndarray:
    """Return the first update of each period; the last one is at or after the end of the span."""
    measure_length(span, "period", duration)
    starts, length = [0.0], measure_period(span, "period", duration)
    while starts[-1] < span.steps:
        starts.append(starts[-1] + length)
        length *= growth
    return np.round(starts)
