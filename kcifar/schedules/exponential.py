"""Exponential decay."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, measure_period


@SCHEDULES.register("exponential")
def exponential(span: Span, *, value: Value, factor: Annotated[float, Field(gt=0, le=1000)], every: Duration = "1 epoch") -> np.ndarray:
    """Return value x factor^(t / every) for each update, float64 (span.steps,).

    The value changes with every update. `step` changes it in steps; both agree with torch's ExponentialLR at the start of each epoch.

    Args:
        span: The updates.
        value: At the start.
        factor: Factor per `every`; above 1 the value grows.
        every: Duration over which the value changes by the factor.
    Source: keras.optimizers.schedules.ExponentialDecay (`staircase=False`); torch.optim.lr_scheduler.ExponentialLR.
    """
    with np.errstate(over="ignore"):  # infinite values are refused where the table is used, with their place in the recipe
        values: np.ndarray = value * np.power(factor, np.arange(span.steps) / measure_period(span, "every", every))
    return values
