"""Validation accuracy over time: the best so far, as a step function of the minutes of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class BestSoFar:
    """The best accuracy so far: each value applies from the end of its epoch until the next, the last one forever.

    Attributes:
        minutes: float64 (rises,), ascending; at least one.
        best: float64 (rises,), ascending.
        end: Minutes of all completed epochs, at least the last of `minutes`.
    """

    minutes: np.ndarray
    best: np.ndarray
    end: float

    def at(self, minutes: np.ndarray) -> np.ndarray:
        """Return the best accuracy at the given minutes, float64 of the same shape; NaN before the first value."""
        best: np.ndarray = np.append(np.nan, self.best)[np.searchsorted(self.minutes, minutes, side="right")]
        return best


def make_curve(run: LoadedRun) -> BestSoFar | None:
    """Return the curve of a run over its completed epochs; None without validation accuracy, or if the time of an epoch is unknown."""
    seconds, accuracies = (run.history[column].to_numpy(np.float64) for column in ("seconds", "val_accuracy"))
    known = bool((seconds >= 0).all() and (accuracies >= 0).any())
    return accumulate_best(np.cumsum(seconds) / 60, accuracies) if known else None


def accumulate_best(minutes: np.ndarray, accuracies: np.ndarray) -> BestSoFar:
    """Return the curve of accuracies measured at the given minutes.

    Args:
        minutes: float64 (epochs,), ascending.
        accuracies: float64 (epochs,), >= 0; NaN where there is none; at least one is not NaN.
    Example:
        >>> accumulate_best(np.array([1.0, 2.0, 3.0, 4.0]), np.array([np.nan, 0.5, 0.4, 0.7]))
        BestSoFar(minutes=array([2., 4.]), best=array([0.5, 0.7]), end=4.0)
    """
    best = np.fmax.accumulate(accuracies)
    rises = np.flatnonzero(np.diff(np.nan_to_num(best, nan=-1.0), prepend=-1.0) > 0)
    return BestSoFar(minutes[rises], best[rises], float(minutes[-1]))


def find_minutes_to_reach(curve: BestSoFar, level: float) -> float:
    """Return the minute at which a curve reaches a level; NaN if it never does."""
    return float(np.append(curve.minutes, np.nan)[np.searchsorted(curve.best, level)])


def average_curves(curves: Sequence[BestSoFar]) -> BestSoFar:
    """Return the mean of at least one curve, from the minute at which all have started; its end is the mean of their ends."""
    minutes = _find_steps(curves)
    return BestSoFar(minutes, np.mean([curve.at(minutes) for curve in curves], axis=0), float(np.mean([curve.end for curve in curves])))


def find_largest_gap(curve: BestSoFar, reference: BestSoFar) -> tuple[float, float]:
    """Return the largest amount by which a curve is below a reference, and its first minute, from when both have started.

    The amount is 0 or less if the curve is never below.
    """
    minutes = _find_steps([curve, reference])
    gaps = reference.at(minutes) - curve.at(minutes)
    place = int(gaps.argmax())
    return float(gaps[place]), float(minutes[place])


def _find_steps(curves: Sequence[BestSoFar]) -> np.ndarray:
    """Return the minutes at which any of the curves changes, without repetition, from when all have started."""
    minutes = np.unique(np.concatenate([curve.minutes for curve in curves]))
    steps: np.ndarray = minutes[minutes >= max(curve.minutes[0] for curve in curves)]
    return steps
