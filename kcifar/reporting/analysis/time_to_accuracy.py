"""Validation accuracy against time: the best so far, a step function of the minutes that a run has taken."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class BestSoFar:
    """The best accuracy so far: each holds from the end of the epoch that reached it, the last for ever; before the first there is none.

    Attributes:
        minutes: float64 (rises,), ascending; at least one.
        best: float64 (rises,), ascending.
        end: Minutes of all completed epochs, no less than the last of `minutes`.
    """

    minutes: np.ndarray
    best: np.ndarray
    end: float

    def at(self, minutes: np.ndarray) -> np.ndarray:
        """Return the best accuracy at some minutes, float64 of their shape; NaN before the first."""
        best: np.ndarray = np.append(np.nan, self.best)[np.searchsorted(self.minutes, minutes, side="right")]
        return best


def make_curve(run: LoadedRun) -> BestSoFar | None:
    """Return a run's curve over its completed epochs; None where it has no validation accuracy, or the time of an epoch is not known."""
    seconds, accuracies = (run.history[column].to_numpy(np.float64) for column in ("seconds", "val_accuracy"))
    known = bool((seconds >= 0).all() and (accuracies >= 0).any())
    return accumulate_best(np.cumsum(seconds) / 60, accuracies) if known else None


def accumulate_best(minutes: np.ndarray, accuracies: np.ndarray) -> BestSoFar:
    """Return the curve of accuracies measured at some minutes.

    Args:
        minutes: float64 (epochs,), ascending.
        accuracies: float64 (epochs,), >= 0; NaN where there is none, but not everywhere.
    Example:
        >>> accumulate_best(np.array([1.0, 2.0, 3.0, 4.0]), np.array([np.nan, 0.5, 0.4, 0.7]))
        BestSoFar(minutes=array([2., 4.]), best=array([0.5, 0.7]), end=4.0)
    """
    best = np.fmax.accumulate(accuracies)
    rises = np.flatnonzero(np.diff(np.nan_to_num(best, nan=-1.0), prepend=-1.0) > 0)
    return BestSoFar(minutes[rises], best[rises], float(minutes[-1]))


def find_minutes_to_reach(curve: BestSoFar, level: float) -> float:
    """Return the first minute at which a curve has reached a level; NaN if it never does."""
    return float(np.append(curve.minutes, np.nan)[np.searchsorted(curve.best, level)])


def average_curves(curves: Sequence[BestSoFar]) -> BestSoFar:
    """Return the mean of at least one curve at every minute, from when all have begun; its end is the mean of theirs."""
    minutes = _find_steps(curves)
    return BestSoFar(minutes, np.mean([curve.at(minutes) for curve in curves], axis=0), float(np.mean([curve.end for curve in curves])))


def find_largest_gap(curve: BestSoFar, reference: BestSoFar) -> tuple[float, float]:
    """Return by how much a curve lies below another where it does so most, and the first minute of that, from when both have begun.

    The amount is 0 or less where it never lies below.
    """
    minutes = _find_steps([curve, reference])
    gaps = reference.at(minutes) - curve.at(minutes)
    place = int(gaps.argmax())
    return float(gaps[place]), float(minutes[place])


def _find_steps(curves: Sequence[BestSoFar]) -> np.ndarray:
    """Return the minutes at which any of the curves changes, once each, from when all have begun."""
    minutes = np.unique(np.concatenate([curve.minutes for curve in curves]))
    begun: np.ndarray = minutes[minutes >= max(curve.minutes[0] for curve in curves)]
    return begun
