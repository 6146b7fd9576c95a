"""Polynomial rise or fall; a straight line with power 1."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value


@SCHEDULES.register("polynomial")
def polynomial(span: Span, *, start: Value, end: Value, power: Annotated[float, Field(gt=0, le=100)] = 1.0) -> np.ndarray:
    """Return values that move from one value to another by a power of time, float64 (span.steps,).

    A fall is end + (start - end) x (1 - t / T)^power, a rise start + (end - start) x (t / T)^power: they mirror each other, and with a
    power above 1 both are flat at the smaller value. `end` would be reached at t = T, the update after the last.

    Args:
        span: The updates.
        start: At t = 0.
        end: At t = T.
        power: 1 is a straight line.
    Source: the fall: torch.optim.lr_scheduler.PolynomialLR, keras.optimizers.schedules.PolynomialDecay; the rise, 0 to 0.95^5 with
    power 3: the fraction that lookahead keeps in airbench (https://github.com/KellerJordan/cifar10-airbench).
    """
    done = np.arange(span.steps) / span.steps
    progress = done**power if end > start else 1 - (1 - done) ** power
    return start + (end - start) * progress
