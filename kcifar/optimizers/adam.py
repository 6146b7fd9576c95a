"""Adam: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1, in Keras' implementation; also registered as AdamW."""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.arguments import Decay, Epsilon


@OPTIMIZERS.register("adam")
def adam(learning_rate: Any, *, beta_1: Decay = 0.9, beta_2: Decay = 0.999, epsilon: Epsilon = 1e-7) -> Any:
    """Return Keras' Adam.

    Args:
        learning_rate: A Keras schedule.
        beta_1: Decay of the mean of gradients.
        beta_2: Decay of the mean of squared gradients.
        epsilon: Added to the root of the second moment before the bias correction: "epsilon hat" of the paper's section 2. torch adds its
            1e-8 after it, so that after t updates Keras' 1e-7 counts as 1e-7 / sqrt(1 - beta_2^t) there: 3.2e-6 at first, 1e-7 in the end.
    """
    return keras.optimizers.Adam(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, name="adam")


@OPTIMIZERS.register("adamw")
def adamw(learning_rate: Any, *, beta_1: Decay = 0.9, beta_2: Decay = 0.999, epsilon: Epsilon = 1e-7) -> Any:
    """Return Keras' Adam under the name of AdamW; the decay is the stage's `weight_decay`, which is decoupled for every optimizer.

    A stage with `adamw` must set `weight_decay`.

    Args:
        learning_rate: A Keras schedule.
        beta_1: Decay of the mean of gradients.
        beta_2: Decay of the mean of squared gradients.
        epsilon: Added to the root of the second moment, as in `adam`.
    Source: Loshchilov, Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.
    """
    return keras.optimizers.Adam(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, name="adamw")
