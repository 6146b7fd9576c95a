"""One cycle: a rise to a large value and a fall to almost zero."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from kcifar.recipe.span import Duration, Span
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import Value, measure_length

Fraction = Annotated[float, Field(ge=0, le=1)]


@SCHEDULES.register("one_cycle")
def one_cycle(
    span: Span,
    *,
    peak: Value,
    start_share: Fraction = 1 / 25,
    end_share: Fraction = 4e-6,
    rise: Duration = 0.3,
    shape: Literal["cosine", "linear"] = "cosine",
) -> np.ndarray:
    """Return a rise to `peak` and a fall from it, float64 (span.steps,); the last update has exactly the last value.

    Args:
        span: The updates.
        peak: The largest value; torch's `max_lr`.
        start_share: The first value is start_share x peak (torch: 1 / div_factor).
        end_share: The last value is end_share x peak (torch: 1 / (div_factor x final_div_factor)).
        rise: Duration of the rise (torch: pct_start).
        shape: Shape of rise and fall: half a cosine or a straight line.
    Raises:
        UserError: The rise is longer than the stage.
    Source: Smith, Topin, Super-Convergence, 2018; torch.optim.lr_scheduler.OneCycleLR in its two-phase form, whose rise ends one
    update before pct_start x T.
    """
    top = max(0.0, measure_length(span, "rise", rise) - 1)
    steps = np.arange(span.steps)
    rising = np.minimum(1, steps / top) if top else np.ones(span.steps)
    falling = np.maximum(0, (steps - top) / max(1, span.steps - 1 - top))
    if shape == "cosine":
        rising, falling = (1 - np.cos(np.pi * rising)) / 2, (1 - np.cos(np.pi * falling)) / 2
    return peak * np.where(steps <= top, start_share + (1 - start_share) * rising, 1 + (end_share - 1) * falling)
