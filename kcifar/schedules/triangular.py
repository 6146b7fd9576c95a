"""A rise and a fall along straight lines."""

import numpy as np

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, measure_length


@SCHEDULES.register("triangular")
def triangular(span: Span, *, start: Value, peak: Value, end: Value, peak_at: Duration) -> np.ndarray:
    """Return the line from `start` (t = 0) to `peak`, then the one to `end` (t = T, the update after the last), float64 (span.steps,).

    Args:
        span: The updates.
        start: At t = 0, unless the peak is at t = 0.
        peak: Where the lines meet; it may also be below both ends, as for the momentum in a one-cycle policy.
        end: At t = T.
        peak_at: Time of the peak, rounded to the nearest update.
    Raises:
        UserError: The peak is after the end.
    Source: airbench94 and its relatives (https://github.com/KellerJordan/cifar10-airbench): start 0.2 x peak, peak at 0.23, end 0.07 x peak;
    unlike in Smith, Cyclical Learning Rates, 2017, and torch's CyclicLR, the triangle does not repeat.
    """
    top = round(measure_length(span, "peak_at", peak_at))
    rise = start + (peak - start) * np.arange(top) / max(1, top)
    fall = peak + (end - peak) * np.arange(span.steps - top) / max(1, span.steps - top)
    return np.concatenate([rise, fall])
