"""A stage's registered loss, as Keras takes it and as validation computes it."""

from typing import Any

import numpy as np

from kcifar.core.lazy import keras
from kcifar.planning.stage_plan import StagePlan


def make_training_loss(stage: StagePlan) -> Any:
    """Return the Keras loss of a stage: the mean over the batch, each sample multiplied by its weight."""

    class StageLoss(keras.losses.Loss):  # type: ignore[misc]
        def call(self, targets: Any, logits: Any) -> Any:
            return stage.loss.make(targets, logits)

    return StageLoss(name=stage.loss.name)


def compute_mean_loss(stage: StagePlan, logits: np.ndarray, labels: np.ndarray) -> float:
    """Return a stage's loss without weights and penalties: `val_loss` is this plus the penalties.

    Args:
        stage: The stage.
        logits: float (count, classes).
        labels: int (count,).
    """
    targets = keras.ops.convert_to_tensor(np.eye(logits.shape[1], dtype=np.float32)[labels])
    losses = stage.loss.make(targets, keras.ops.convert_to_tensor(logits))
    return float(np.mean(keras.ops.convert_to_numpy(losses), dtype=np.float64))
