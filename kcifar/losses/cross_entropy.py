"""Cross-entropy, with the label smoothing of Szegedy et al., Rethinking the Inception Architecture, 2016, section 7."""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.losses import LOSSES
from kcifar.losses.smoothing import Smoothing


@LOSSES.register("categorical_crossentropy")
def categorical_crossentropy(targets: Any, logits: Any, *, label_smoothing: Smoothing = 0.0) -> Any:
    """Return -sum of target x log softmax(logits), targets smoothed to (1 - s) x target + s / classes.

    Args:
        targets: Float (batch, classes), each row summing to 1.
        logits: Float (batch, classes).
        label_smoothing: The fraction s of the target that is spread over all classes.
    """
    return keras.losses.categorical_crossentropy(targets, logits, from_logits=True, label_smoothing=label_smoothing)
