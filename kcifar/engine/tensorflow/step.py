"""The training step of our own under TensorFlow: sharpness-aware gradients and averages, which Keras' own step cannot carry."""

from typing import Any

import keras
import tensorflow as tf

from kcifar.engine.averaging import Averages


class StepModel(keras.Model):  # type: ignore[misc]
    """A model whose step may climb to the worst point nearby first, and averages its weights after each update."""

    radius: float | None = None
    averages: Averages | None = None

    def train_step(self, data: Any) -> Any:
        """Run one step; see `keras.Model.train_step`."""
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        before = _values(self.non_trainable_variables)
        loss, outputs, gradients = self._gradients(inputs, targets, weights)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(targets)[0])
        if self.radius is not None:
            gradients = self._gradients_nearby(inputs, targets, weights, gradients, before)
        self.optimizer.apply(gradients, self.trainable_variables)
        if self.averages is not None:
            self.averages.update()
        return self.compute_metrics(inputs, targets, outputs, weights)

    def _gradients(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, list[Any]]:
        with tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            loss = self.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True)
            scaled = self.optimizer.scale_loss(loss)
        return loss, outputs, tape.gradient(scaled, self.trainable_variables)

    def _gradients_nearby(self, inputs: Any, targets: Any, weights: Any, gradients: list[Any], before: list[Any]) -> list[Any]:
        """Return the gradients at weights + radius x gradient / norm, with the same dropout, and leave weights and statistics alone."""
        here, after = _values(self.trainable_variables), _values(self.non_trainable_variables)
        scale = self.radius / (tf.linalg.global_norm([tf.cast(gradient, "float32") for gradient in gradients]) + 1e-12)
        _assign(self.trainable_variables, [value + tf.cast(scale, value.dtype) * step for value, step in zip(here, gradients, strict=True)])
        _assign(self.non_trainable_variables, before)
        nearby = self._gradients(inputs, targets, weights)[2]
        _assign(self.trainable_variables, here)
        _assign(self.non_trainable_variables, after)
        return nearby


def _values(variables: Any) -> list[Any]:
    return [tf.identity(variable.value) for variable in variables]


def _assign(variables: Any, values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
