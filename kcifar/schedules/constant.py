"""One rate for the whole stage."""

from typing import Annotated

import numpy as np
from pydantic import Field

from kcifar.schedules import SCHEDULES


@SCHEDULES.register("constant")
def constant(steps: int, *, value: Annotated[float, Field(gt=0)]) -> np.ndarray:
    """Return `value` for each of `steps` updates, float64 (steps,)."""
    return np.full(steps, value)
