"""Cross-entropy of each class on its own: Wightman et al., ResNet strikes back, 2021, section 2.2; after Beyer et al., 2020."""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.losses import LOSSES
from kcifar.losses.smoothing import Smoothing, smooth


@LOSSES.register("binary_crossentropy")
def binary_crossentropy(targets: Any, logits: Any, *, label_smoothing: Smoothing = 0.0) -> Any:
    """Return the mean over classes of -t log sigmoid(logit) - (1 - t) log(1 - sigmoid(logit)), t being the smoothed target.

    The mean, as in timm, is the sum divided by the number of classes, and so needs a larger learning rate.

    Args:
        targets: Float (batch, classes), each row summing to 1.
        logits: Float (batch, classes).
        label_smoothing: Fraction of the target that is spread over all classes.
    """
    softplus = keras.ops.softplus(logits)  # -log(1 - sigmoid(logit)), without overflow
    return keras.ops.mean(softplus - smooth(targets, label_smoothing) * logits, axis=-1)
