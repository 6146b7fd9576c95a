"""The weights of the best epoch: of the run, as `best.keras`, and of a stage that goes back to them when it ends."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kcifar.core.lazy import keras
from kcifar.engine.network import collect_variables
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.early_stopping import count_epochs_since_best, is_better
from kcifar.runs.checkpoint import Position
from kcifar.runs.folder import BEST_MODEL_FILE, RunFolder
from kcifar.training.results import save_model

# Arrays of a checkpoint under this name are the best weights of a stage that will go back to them.
_PREFIX = "best weights of the stage/"


def save_best_model(folder: RunFolder, monitor: str, position: Position, row: dict[str, Any], loop: TrainingLoop) -> None:
    """Save `best.keras` if the epoch's monitored value is the best of the run so far.

    The checkpoint that remembers it comes later: an epoch that is trained again after a crash saves the same again.

    Args:
        folder: The run.
        monitor: The recipe's `monitor`, a column of the history.
        position: Remembers the best epoch and its value.
        row: The epoch's row.
        loop: Its network has the weights that are validated.
    """
    if monitor in row and is_better(monitor, row[monitor], position.best and position.best[1]):
        save_model(loop.build_inference_model(), folder / BEST_MODEL_FILE)
        position.best = (position.epoch, row[monitor])


@dataclass
class StageBestWeights:
    """The weights of a stage's best epoch, in memory and in its checkpoints, where its early stopping restores them."""

    _arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget them: a stage begins."""
        self._arrays = {}

    def update(self, stage: StagePlan, rows: list[dict[str, Any]], network: Any) -> None:
        """Remember the network's weights if the last of the stage's rows is its best and the stage restores the best."""
        rule = stage.settings.early_stopping
        if rule is not None and rule.restore_best and count_epochs_since_best(rows, rule) == 0:
            self._arrays = {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in collect_variables(network).items()}

    def restore(self, variables: dict[str, Any]) -> None:
        """Assign them to the variables of their paths, if there are any, and forget them."""
        for path, value in self._arrays.items():
            variables[path].assign(value)
        self.clear()

    def to_checkpoint(self) -> dict[str, np.ndarray]:
        """Return the arrays to add to a checkpoint's."""
        return {f"{_PREFIX}{path}": value for path, value in self._arrays.items()}

    def from_checkpoint(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over the arrays that `to_checkpoint` gave, and remove them from a checkpoint's arrays."""
        self._arrays = {path.removeprefix(_PREFIX): arrays.pop(path) for path in list(arrays) if path.startswith(_PREFIX)}
