"""Focal loss: Lin et al., Focal Loss for Dense Object Detection, 2017, equation 4, over softmax instead of sigmoid."""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.losses import LOSSES
from kcifar.losses.smoothing import Smoothing, smooth

# Lower bound of 1 - p: the gradient of (1 - p)^gamma at p = 1 is infinite for gamma below 1.
SMALLEST = 1e-7


@LOSSES.register("focal")
def focal(targets: Any, logits: Any, *, gamma: Annotated[float, Field(ge=0, le=10)] = 2.0, label_smoothing: Smoothing = 0.0) -> Any:
    """Return -sum of target x (1 - p)^gamma x log p with p = softmax(logits).

    Samples that are already classified well count less. Class weights (the paper's alpha) are the stage's `class_weight`.

    Args:
        targets: Float (batch, classes), each row summing to 1; soft targets are applied class by class.
        logits: Float (batch, classes).
        gamma: 0 is the cross-entropy; the paper's best is 2.
        label_smoothing: Fraction of the target that is spread over all classes, before anything else.
    """
    log_p = keras.ops.log_softmax(logits, axis=-1)
    error = keras.ops.maximum(-keras.ops.expm1(log_p), SMALLEST)
    return -keras.ops.sum(smooth(targets, label_smoothing) * error**gamma * log_p, axis=-1)
