"""The custom training step under torch; see `kcifar.engine.step_model`."""

from contextlib import AbstractContextManager
from typing import Any

import torch

from kcifar.engine.step_model import EagerStepModel


class StepModel(EagerStepModel):
    """The training model with a custom step."""

    @torch.enable_grad()  # type: ignore[untyped-decorator]
    def compute_gradients(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, list[Any]]:
        """Return loss, outputs and gradients of a batch."""
        self.zero_grad()
        outputs = self(inputs, training=True)
        loss = self.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True)
        self.optimizer.scale_loss(loss).backward()
        return loss.detach(), outputs.detach(), [variable.value.grad.detach().clone() for variable in self.trainable_variables]

    def stop_recording(self) -> AbstractContextManager[Any]:
        """Return torch's block without gradients."""
        block: AbstractContextManager[Any] = torch.no_grad()
        return block

    def copy_state(self) -> Any:
        """Return a copy of the statistics and of torch's random state: Keras' dropout draws from that."""
        return super().copy_state(), torch.get_rng_state()

    def restore_state(self, state: Any) -> None:
        """Restore a copy of the state."""
        values, random_state = state
        super().restore_state(values)
        torch.set_rng_state(random_state)
