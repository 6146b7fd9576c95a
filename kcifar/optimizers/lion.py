"""Lion: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2, in Keras' implementation."""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.arguments import Decay


@OPTIMIZERS.register("lion")
def lion(learning_rate: Any, *, beta_1: Annotated[float, Field(gt=0, lt=1)] = 0.9, beta_2: Decay = 0.99) -> Any:
    """Return Keras' Lion: weights -= rate x sign(beta_1 x momentum + (1 - beta_1) x gradient).

    Every weight moves by the full rate: the paper uses a rate 3 to 10 times smaller than AdamW's, and a decay larger by the same factor.

    Args:
        learning_rate: A Keras schedule.
        beta_1: Fraction of the momentum in the direction.
        beta_2: Decay of the momentum, the mean of gradients.
    """
    return keras.optimizers.Lion(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, name="lion")
