"""The training step of our own under JAX: sharpness-aware gradients and averages, which Keras' own step cannot carry."""

from typing import Any

import jax
import jax.numpy as jnp
import keras

from kcifar.engine.averaging import Averages


class StepModel(keras.Model):  # type: ignore[misc]
    """A model whose step may climb to the worst point nearby first, and averages its weights after each update."""

    radius: float | None = None
    averages: Averages | None = None

    def train_step(self, state: Any, data: Any) -> Any:
        """Run one step; see `keras.Model.train_step`."""
        trained, others, slots, metrics = state
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        differentiate = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        batch = {"x": inputs, "y": targets, "sample_weight": weights, "training": True, "optimizer_variables": slots}
        (_, (loss, outputs, others_after, metrics)), gradients = differentiate(trained, others, metrics, **batch)
        if self.radius is not None:
            nearby = _climbed(trained, gradients, self.radius)
            gradients = differentiate(nearby, others, metrics, **batch)[1]  # `others` from before: the same dropout
        trained, slots = self.optimizer.stateless_apply(slots, gradients, trained)
        trained, others, slots = self._averaged(trained, others_after, slots)
        logs, metrics = self._update_metrics_variables(metrics, loss, inputs, targets, outputs, weights)
        return logs, (trained, others, slots, metrics)

    def _averaged(self, trained: Any, others: Any, slots: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the three kinds of state after the averages took the update in."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.optimizer.variables)
        if self.averages is None:
            return trained, others, slots
        mapping = [pair for group, values in zip(groups, (trained, others, slots), strict=True) for pair in zip(group, values, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.averages.update()
        trained, others, slots = ([scope.get_current_value(variable) for variable in group] for group in groups)
        return trained, others, slots


def _climbed(weights: Any, gradients: Any, radius: float) -> list[Any]:
    """Return weights + radius x gradient / norm of all gradients together."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient.astype(jnp.float32))) for gradient in gradients))
    scale = radius / (norm + 1e-12)
    return [weight + (scale * gradient).astype(weight.dtype) for weight, gradient in zip(weights, gradients, strict=True)]
