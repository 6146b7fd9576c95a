"""Exponential decay."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, period_length


@SCHEDULES.register("exponential")
def exponential(span: Span, *, value: Value, factor: Annotated[float, Field(gt=0, le=1000)], every: Duration = "1 epoch") -> np.ndarray:
    """Return value x factor^(t / every) for each update, float64 (span.steps,).

    Smooth from update to update; `step` does the same by stairs, and both agree with torch's ExponentialLR where an epoch begins.

    Args:
        span: The updates.
        value: At the start.
        factor: Of a whole `every`; above 1 the value grows.
        every: What the factor is meant for.
    Source: keras.optimizers.schedules.ExponentialDecay (`staircase=False`); torch.optim.lr_scheduler.ExponentialLR.
    """
    with np.errstate(over="ignore"):  # whatever is not finite is refused where the table is used, with its place in the recipe
        values: np.ndarray = value * np.power(factor, np.arange(span.steps) / period_length(span, "every", every))
    return values
