"""The custom training step under TensorFlow; see `kcifar.engine.step_model`."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kcifar.engine.step_model import EagerStepModel


class StepModel(EagerStepModel):
    """The training model with a custom step."""

    def compute_gradients(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, list[Any]]:
        """Return loss, outputs and gradients of a batch."""
        with tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            loss = self.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True)
            scaled = self.optimizer.scale_loss(loss)
        return loss, outputs, tape.gradient(scaled, self.trainable_variables)

    def compute_norm(self, gradients: Sequence[Any]) -> Any:
        """Return the norm by TensorFlow's own kernel, which does not write the squares to memory."""
        return tf.linalg.global_norm([tf.cast(gradient, "float32") for gradient in gradients])
