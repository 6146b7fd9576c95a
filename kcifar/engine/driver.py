"""What the trainer knows of the engine: a driver that runs an epoch."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import StagePlan

OnBatch = Callable[[int, float, float], None]


@dataclass(frozen=True)
class EpochMetrics:
    """What an epoch of training gave.

    Attributes:
        loss: Mean over images, penalties and label smoothing included.
        cross_entropy: Mean over images, without either.
        accuracy: Fraction of images, as seen while the weights changed.
        images_per_second: Without the calls of the epoch that held a compilation.
        compilation_seconds: Time of those calls, less that of as many usual updates; 0.0 where nothing was compiled.
    """

    loss: float
    cross_entropy: float
    accuracy: float
    images_per_second: float
    compilation_seconds: float


class EpochDriver(Protocol):
    """Trains a network an epoch at a time; `LoopDriver` is the only one."""

    network: Any
    normalization: Any

    def begin_stage(self, stage: StagePlan) -> None:
        """Make ready for a stage: its network, its step, its optimizer's state."""
        ...

    def restart_averages(self) -> None:
        """Let the stage's averages begin at the present weights, after these were set from elsewhere."""
        ...

    def end_stage(self) -> None:
        """Leave the weights that the stage trained: its averages, where it has any."""
        ...

    def averaged(self) -> AbstractContextManager[None]:
        """Return a block in which the network has the weights that are validated and saved: the averages, where there are any."""
        ...

    def run_epoch(self, batches: EpochBatches, values: Mapping[str, np.ndarray], on_batch: OnBatch) -> EpochMetrics:
        """Train on every batch once.

        Args:
            batches: The epoch.
            values: What the stage's schedules give for each of its updates, by name; see `StagePlan.values`.
            on_batch: Called after each batch with its number in the epoch (from 1) and the mean loss and accuracy so far.
        Raises:
            TrainingFailed: The loss is not finite; the message says at which step.
        """
        ...

    def logits(self, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Return the un-augmented network's logits of the images at `indices`, float32 (len(indices), classes)."""
        ...

    def penalty(self) -> float:
        """Return the sum of the network's weight penalties."""
        ...

    def inference_model(self) -> Any:
        """Return the model that is saved: images of the data set's size, 0..255, to probabilities."""
        ...

    def variables(self) -> dict[str, Any]:
        """Return every variable that training changes, by path: weights, statistics, seed generators and the optimizer's."""
        ...
