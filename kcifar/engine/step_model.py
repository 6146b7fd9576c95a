"""The shared part of the training models with a custom step: sharpness-aware gradients and averages.

Algorithm 1 of Foret et al., Sharpness-Aware Minimization, 2021: climb by `radius` along the gradient, and step from the original weights
by the gradient found there. The second pass uses the same random numbers as the first, and leaves no trace in the statistics.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from kcifar.core.keras_internals import update_loss_metric
from kcifar.engine.averaging import Averages
from kcifar.engine.optimizer import compute_global_norm

# Added to the norm of the gradient, so that zero gradients are not divided by zero.
_EPSILON = 1e-12


class CustomStepModel(keras.Model):  # type: ignore[misc]
    """A model whose step may compute the gradients at the worst point nearby, and may average its weights after each update.

    Attributes:
        radius: Distance of that point; None takes the gradients at the weights.
        averages: The averages; None for none.
    """

    radius: float | None = None
    averages: Averages | None = None


class EagerStepModel(CustomStepModel):
    """The step for backends whose variables change in place: TensorFlow and torch."""

    def train_step(self, data: Any) -> Any:
        """Run one step; see `keras.Model.train_step`."""
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        state = None if self.radius is None else self.copy_state()
        loss, outputs, gradients = self.compute_gradients(inputs, targets, weights)
        update_loss_metric(self, loss, keras.ops.shape(targets)[0])
        with self.stop_recording():
            if state is not None:
                gradients = self._compute_gradients_nearby(inputs, targets, weights, gradients, state)
            self.optimizer.apply(gradients, self.trainable_variables)
            if self.averages is not None:
                self.averages.update()
        return self.compute_metrics(inputs, targets, outputs, weights)

    def compute_gradients(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, list[Any]]:
        """Return loss, outputs and gradients of a batch; implemented by each backend."""
        raise NotImplementedError

    def compute_norm(self, gradients: Sequence[Any]) -> Any:
        """Return the norm of all gradients together, a float32 scalar tensor."""
        return compute_global_norm(gradients)

    def stop_recording(self) -> AbstractContextManager[Any]:
        """Return a block in which operations are not recorded for differentiation."""
        return nullcontext()

    def copy_state(self) -> Any:
        """Return a copy of the state that a forward pass changes: statistics of normalization and states of random generators."""
        return copy_values(self.non_trainable_variables)

    def restore_state(self, state: Any) -> None:
        """Restore a copy of the state."""
        assign_values(self.non_trainable_variables, state)

    def _compute_gradients_nearby(self, inputs: Any, targets: Any, weights: Any, gradients: list[Any], state: Any) -> list[Any]:
        """Return the gradients at weights + radius x gradient / norm.

        Args:
            inputs: Of the batch.
            targets: Of the batch.
            weights: Of the batch's samples, or None.
            gradients: At the weights.
            state: The state before the first pass.
        """
        trained, state_after = copy_values(self.trainable_variables), self.copy_state()
        assign_values(self.trainable_variables, climb(trained, gradients, self.compute_norm(gradients), self.radius))
        self.restore_state(state)
        nearby = self.compute_gradients(inputs, targets, weights)[2]
        assign_values(self.trainable_variables, trained)
        self.restore_state(state_after)
        return nearby


def climb(weights: Sequence[Any], gradients: Sequence[Any], norm: Any, radius: float | None) -> list[Any]:
    """Return weights + radius x gradient / norm, where the norm is that of all gradients together."""
    scale = radius / (norm + _EPSILON)
    return [weight + keras.ops.cast(scale, weight.dtype) * gradient for weight, gradient in zip(weights, gradients, strict=True)]


def copy_values(variables: Sequence[Any]) -> list[Any]:
    """Return copies of the values of some variables, as tensors that later assignments do not change."""
    return [keras.ops.copy(variable.value) for variable in variables]


def assign_values(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Assign to each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
