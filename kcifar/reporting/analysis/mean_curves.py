"""The validation accuracy of a recipe by epoch: the mean over its runs, and their range."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class MeanCurve:
    """The curves of the runs of a recipe, over the epochs that all of them completed.

    Attributes:
        label: Of the recipe.
        runs: Number of runs.
        accuracies: float64 (runs, epochs), in [0, 1]; NaN where a run was not validated.
    """

    label: str
    runs: int
    accuracies: np.ndarray

    @property
    def epochs(self) -> np.ndarray:
        """The validated epochs, from 1; int64 (validated,), at least one."""
        return np.flatnonzero(self._validated) + 1

    @property
    def mean(self) -> np.ndarray:
        """The mean over the runs in those epochs; float64 (validated,)."""
        return np.asarray(self.accuracies[:, self._validated].mean(axis=0))

    @property
    def lowest(self) -> np.ndarray:
        """The lowest accuracy of any run in those epochs; float64 (validated,)."""
        return np.asarray(self.accuracies[:, self._validated].min(axis=0))

    @property
    def highest(self) -> np.ndarray:
        """The highest accuracy of any run in those epochs; float64 (validated,)."""
        return np.asarray(self.accuracies[:, self._validated].max(axis=0))

    @property
    def _validated(self) -> np.ndarray:
        return np.asarray(np.isfinite(self.accuracies).all(axis=0))


def make_mean_curve(label: str, runs: Sequence[LoadedRun]) -> MeanCurve | None:
    """Return the curve of a recipe's runs, at least one; None if no epoch is validated in all of them."""
    shortest = min(len(run.history) for run in runs)
    curve = MeanCurve(label, len(runs), np.array([run.history["val_accuracy"].to_numpy(np.float64)[:shortest] for run in runs]))
    return curve if len(curve.epochs) else None
