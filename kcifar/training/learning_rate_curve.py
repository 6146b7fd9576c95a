"""The curve of a learning-rate range test: its noise, and which learning rate it suggests, if any.

A single batch's loss is noisy, and so are the slopes of a running mean: the steepest is often a lucky batch at a rate that trains nothing.
Losses are therefore averaged over half a decade of rates around each. A rate is suggested only if these means fall by more than noise does:
the middle, on a logarithmic axis, of the rates between which a fifth and four fifths of the fall are done. Over seeds it varies by a
factor of 2.4 where the steepest slope varies by 3.4 (small networks on digits), and by 9 instead of 470 with batches of 16 and MixUp.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Decades of learning rates over which losses are averaged, half of them on each side.
WINDOW_DECADES = 0.5
# Fewest updates in a window, and fewest windows before the loss diverges or the test ends.
_FEWEST_UPDATES, _FEWEST_WINDOWS = 5, 3
# A fall counts from this many standard deviations of a batch's loss on: noise alone falls by 0.6 of them in the median of tests of 200
# updates, and by 2.0 in one of 1,000 (simulated; `tests/training/test_learning_rate_curve.py`).
SMALLEST_FALL = 2.5
# The parts of the fall that lie before and behind the suggested range.
_EDGE = 0.2


@dataclass(frozen=True, repr=False)
class LearningRateCurve:
    """The result of a range test.

    Attributes:
        learning_rates: Of each update, ascending by the same factor, float64 (updates,).
        losses: Loss of each update's batch, float64 (updates,).
    """

    learning_rates: np.ndarray
    losses: np.ndarray

    def __repr__(self) -> str:
        found = f"no suggestion: {self.reason}" if self.suggestion is None else f"suggestion {self.suggestion:.2g}"
        return f"<learning-rate range test: {len(self.losses)} updates, {found}>"

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Means of the losses over `WINDOW_DECADES` around each rate, float64 (updates,); at both ends over what there is."""
        return np.array([self.losses[window].mean() for window in self._windows])

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a batch's loss, from the differences of neighbors up to the lowest mean; robust against single batches."""
        differences = np.abs(np.diff(self.losses[: max(self._lowest, self._window_updates) + 1]))
        return float(1.4826 * np.median(differences) / np.sqrt(2)) if len(differences) else 0.0

    @cached_property
    def fall(self) -> float:
        """How far the mean loss falls, from that of the first `WINDOW_DECADES` to the lowest; negative if it only rises."""
        return float(self._start_loss - self.smoothed[self._lowest])

    @cached_property
    def reason(self) -> str:
        """Why no rate is suggested; empty if one is."""
        if len(self.losses) < _FEWEST_WINDOWS * self._window_updates:
            return f"the loss diverges after {len(self.losses)} updates, before any rate is seen to train"
        if self._lowest <= self._window_updates // 2:
            return f"the loss is lowest at {self.learning_rates[self._lowest]:.2g}, where the test begins"
        if self.fall <= SMALLEST_FALL * self.noise:
            return f"the loss falls by {max(0.0, self.fall):.2g}, while it varies by {self.noise:.2g} from batch to batch"
        return ""

    @cached_property
    def suggested_range(self) -> tuple[float, float] | None:
        """The rates between which the mean loss falls from a fifth of its way to four fifths."""
        if self.reason:
            return None
        first, last = self._range_indices
        return float(self.learning_rates[first]), float(self.learning_rates[last])

    @cached_property
    def suggestion(self) -> float | None:
        """The geometric middle of the suggested range; None for the `reason`."""
        return None if self.suggested_range is None else float(np.sqrt(np.prod(self.suggested_range)))

    @cached_property
    def _range_indices(self) -> tuple[int, int]:
        before = self.smoothed[: self._lowest + 1]
        first = int(np.flatnonzero(before > self._start_loss - _EDGE * self.fall)[-1]) + 1
        last = first + int(np.argmax(before[first:] <= self._start_loss - (1 - _EDGE) * self.fall))
        return first, last

    @property
    def _start_loss(self) -> float:
        return float(self.losses[: self._window_updates].mean())

    @cached_property
    def _lowest(self) -> int:
        return int(self.smoothed.argmin())

    @cached_property
    def _window_updates(self) -> int:
        """Number of updates in a window, odd."""
        decades = np.log10(self.learning_rates[-1] / self.learning_rates[0]) / (len(self.learning_rates) - 1) if len(self.losses) > 1 else 1.0
        return max(_FEWEST_UPDATES, int(WINDOW_DECADES / decades) // 2 * 2 + 1)

    @cached_property
    def _windows(self) -> list[slice]:
        """The updates around each update over which its loss is averaged."""
        half = self._window_updates // 2
        return [slice(max(0, index - half), index + half + 1) for index in range(len(self.losses))]
