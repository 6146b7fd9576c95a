"""Adam: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1, in Keras' implementation."""

from typing import Annotated, Any

from pydantic import Field

from kcifar.lazy import keras
from kcifar.optimizers import OPTIMIZERS

Decay = Annotated[float, Field(ge=0, lt=1)]


@OPTIMIZERS.register("adam")
def adam(learning_rate: Any, *, beta_1: Decay = 0.9, beta_2: Decay = 0.999, epsilon: Annotated[float, Field(gt=0)] = 1e-7) -> Any:
    """Return Keras' Adam.

    Args:
        learning_rate: A Keras schedule.
        beta_1: Decay of the mean of gradients.
        beta_2: Decay of the mean of squared gradients.
        epsilon: Added to the root of the second moment (before bias correction: "epsilon hat" of the paper's section 2).
    """
    return keras.optimizers.Adam(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, name="adam")
