"""The custom training step under JAX, without side effects; see `kcifar.engine.step_model`."""

from typing import Any

import jax
import keras

from kcifar.core.keras_internals import get_stateless_loss, update_metrics
from kcifar.engine.optimizer import compute_global_norm
from kcifar.engine.step_model import CustomStepModel, climb


class StepModel(CustomStepModel):
    """The training model with a custom step."""

    def train_step(self, state: Any, data: Any) -> Any:
        """Run one step; see `keras.Model.train_step`."""
        trained, untrained, slots, metrics = state
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        differentiate = jax.value_and_grad(get_stateless_loss(self), has_aux=True)
        batch = {"x": inputs, "y": targets, "sample_weight": weights, "training": True, "optimizer_variables": slots}
        (_, (loss, outputs, untrained_after, metrics)), gradients = differentiate(trained, untrained, metrics, **batch)
        if self.radius is not None:
            nearby = climb(trained, gradients, compute_global_norm(gradients), self.radius)
            gradients = differentiate(nearby, untrained, metrics, **batch)[1]  # the former `untrained`: the same dropout
        trained, slots = self.optimizer.stateless_apply(slots, gradients, trained)
        trained, untrained, slots = self._update_averages(trained, untrained_after, slots)
        logs, metrics = update_metrics(self, metrics, loss, inputs, targets, outputs, weights)
        return logs, (trained, untrained, slots, metrics)

    def _update_averages(self, trained: Any, untrained: Any, slots: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the three kinds of state after the averages are updated."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.optimizer.variables)
        if self.averages is None:
            return trained, untrained, slots
        values_of_groups = zip(groups, (trained, untrained, slots), strict=True)
        mapping = [pair for group, values in values_of_groups for pair in zip(group, values, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.averages.update()
        trained, untrained, slots = ([scope.get_current_value(variable) for variable in group] for group in groups)
        return trained, untrained, slots
