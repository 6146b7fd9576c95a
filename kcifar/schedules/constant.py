"""One value for the entire stage."""

import numpy as np

from kcifar.recipe.span import Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value


@SCHEDULES.register("constant")
def constant(span: Span, *, value: Value) -> np.ndarray:
    """Return `value` for each update of the span, float64 (span.steps,).

    Args:
        span: The updates.
        value: At every update.
    """
    return np.full(span.steps, value)
