"""Two straight lines."""

import numpy as np

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, length_within


@SCHEDULES.register("triangular")
def triangular(span: Span, *, start: Value, peak: Value, end: Value, peak_at: Duration) -> np.ndarray:
    """Return the line from `start` (t = 0) to `peak`, then the one to `end` (t = T, the update after the last), float64 (span.steps,).

    Args:
        span: The updates.
        start: At t = 0, unless the peak is there.
        peak: Where the lines meet; it may also lie below both, as the momentum does that goes with a rate's one cycle.
        end: At t = T.
        peak_at: Where the peak is, rounded to the nearest update.
    Raises:
        UserError: The peak is behind the end.
    Source: airbench94 and its relatives (https://github.com/KellerJordan/cifar10-airbench): start 0.2 x peak, peak at 0.23, end 0.07 x peak;
    the second half of Smith, Cyclical Learning Rates, 2017, is another thing: torch's CyclicLR repeats it.
    """
    top = round(length_within(span, "peak_at", peak_at))
    rise = start + (peak - start) * np.arange(top) / max(1, top)
    fall = peak + (end - peak) * np.arange(span.steps - top) / max(1, span.steps - top)
    return np.concatenate([rise, fall])
