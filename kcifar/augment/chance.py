"""Which images an augmentation changes."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.augment.operation import Occasion

Probability = Annotated[float, Field(ge=0, le=1)]
STRIKES = 1  # The part of an occasion's draws that decides it; the parts 0 and from 2 on are the augmentation's own.


def strikes(occasion: Occasion, probability: float, count: int) -> np.ndarray:
    """Return which of `count` samples are changed, each with the given probability; boolean (count,)."""
    chosen: np.ndarray = occasion.generator(STRIKES).random(count) < probability
    return chosen
