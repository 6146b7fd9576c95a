"""Stochastic gradient descent, with momentum as in Sutskever et al., On the importance of initialization and momentum, 2013."""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.arguments import Decay


@OPTIMIZERS.register("sgd")
def sgd(learning_rate: Any, *, momentum: Decay = 0.0, nesterov: bool = False) -> Any:
    """Return Keras' SGD: velocity = momentum * velocity - rate * gradient; weights += velocity.

    Args:
        learning_rate: A Keras schedule.
        momentum: Fraction of the velocity that is kept; unlike in torch, the gradient is multiplied by the rate before it is added to the velocity.
        nesterov: Look ahead along the velocity (Nesterov's form).
    """
    return keras.optimizers.SGD(learning_rate=learning_rate, momentum=momentum, nesterov=nesterov, name="sgd")
