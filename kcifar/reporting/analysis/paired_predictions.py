"""What two runs can be compared by image for image: which test images each got right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.core.errors import UserError
from kcifar.runs.load import LoadedRun

_ROUNDING = 1e-3  # share of images whose two largest probabilities may have become equal in rounding


@dataclass(frozen=True)
class AlignedPredictions:
    """One run on the test images, in the order of their indices.

    Attributes:
        indices: int64 (images,), ascending.
        labels: int64 (images,).
        correct: bool (images,).
    """

    indices: np.ndarray
    labels: np.ndarray
    correct: np.ndarray


def align_predictions(run: LoadedRun) -> AlignedPredictions:
    """Return which test images a run got right.

    Raises:
        UserError: Its predictions are missing or damaged, or contradict its test result.
    """
    predictions = run.test_predictions
    if predictions is None:
        raise UserError("predictions.npz: no predictions of the test images")
    correct = predictions.correct
    if run.test and abs(correct.mean() - run.test.accuracy) > _ROUNDING:
        raise UserError(f"predictions.npz: expected {run.test.accuracy:.2%} of the images right, as test.json has it, got {correct.mean():.2%}")
    order = np.argsort(predictions.indices)
    return AlignedPredictions(predictions.indices[order], predictions.labels[order], correct[order])


def have_same_images(a: AlignedPredictions, b: AlignedPredictions) -> bool:
    """Whether both runs saw the same images: equal indices and labels."""
    return np.array_equal(a.indices, b.indices) and np.array_equal(a.labels, b.labels)


def count_discordant(runs: Sequence[AlignedPredictions]) -> np.ndarray:
    """Return on how many images each run is right where another is wrong.

    Args:
        runs: On the same images.
    Returns:
        int64 (runs, runs): entry [a, b] counts the images that a gets right and b does not.
    """
    correct = np.stack([run.correct for run in runs]).astype(np.float64)  # products of float64 are exact up to 2^53 images, and fast
    return (correct @ (1 - correct).T).astype(np.int64)
