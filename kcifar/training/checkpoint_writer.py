"""When a run's state is saved, and what is never saved: values that are not finite."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed
from kcifar.core.lazy import keras
from kcifar.engine.training_loop import TrainingLoop
from kcifar.runs.checkpoint import Position, save_checkpoint
from kcifar.runs.folder import CHECKPOINT_FOLDER, RunFolder
from kcifar.runs.records import flush_records
from kcifar.training.best_weights import StageBestWeights


@dataclass
class CheckpointWriter:
    """Writes the checkpoints of a run.

    Attributes:
        folder: The run.
        every: Epochs between two checkpoints.
        num_stages: Of the recipe; the state after the last one is always saved.
        saved_epoch: The epoch after which a resumed run would continue.
    """

    folder: RunFolder
    every: int
    num_stages: int
    saved_epoch: int = 0

    def save_if_due(self, position: Position, loop: TrainingLoop, best_weights: StageBestWeights) -> None:
        """Save the complete state after an epoch, if one of its checkpoints is due."""
        if position.stage < self.num_stages and position.epoch % self.every:
            return
        position.lengths = flush_records(self.folder)
        arrays = {path: keras.ops.convert_to_numpy(variable) for path, variable in loop.collect_state().items()}
        save_checkpoint(self.folder / CHECKPOINT_FOLDER, position, arrays | best_weights.to_checkpoint())
        self.saved_epoch = position.epoch

    def make_failure(self, place: str, reason: object) -> TrainingFailed:
        """Return the error that ends a run, with the state that it leaves behind."""
        return TrainingFailed(f"{place}, {reason}; the state after epoch {self.saved_epoch} is kept")

    def check_finite(self, place: str, variables: dict[str, Any]) -> None:
        """Keep what an epoch's last update spoiled out of history and checkpoints; the losses before it were finite.

        Raises:
            TrainingFailed: A variable is not finite.
        """
        for path, variable in variables.items():
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise self.make_failure(place, f"last step: {path} is not finite")
