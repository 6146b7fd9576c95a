"""Predictions of several runs for the same test images, aligned image by image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.core.errors import UserError
from kcifar.runs.load import LoadedRun

_ROUNDING = 1e-3  # fraction of images whose two largest probabilities may have become equal in rounding


@dataclass(frozen=True)
class AlignedPredictions:
    """Predictions of one run for the test images, in the order of their indices.

    Attributes:
        indices: int64 (images,), ascending.
        labels: int64 (images,).
        correct: bool (images,).
    """

    indices: np.ndarray
    labels: np.ndarray
    correct: np.ndarray


def align_predictions(run: LoadedRun) -> AlignedPredictions:
    """Return which test images a run classified correctly.

    Raises:
        UserError: Its predictions are missing or damaged, or contradict its test result.
    """
    predictions = run.test_predictions
    if predictions is None:
        raise UserError("predictions.npz: no predictions for the test images")
    correct = predictions.correct
    if run.test and abs(correct.mean() - run.test.accuracy) > _ROUNDING:
        raise UserError(f"predictions.npz: expected a test accuracy of {run.test.accuracy:.2%}, as in test.json, got {correct.mean():.2%}")
    order = np.argsort(predictions.indices)
    return AlignedPredictions(predictions.indices[order], predictions.labels[order], correct[order])


def have_same_images(a: AlignedPredictions, b: AlignedPredictions) -> bool:
    """Whether both runs predicted the same images: equal indices and labels."""
    return np.array_equal(a.indices, b.indices) and np.array_equal(a.labels, b.labels)


def count_discordant(runs: Sequence[AlignedPredictions]) -> np.ndarray:
    """Count the images on which each run is right and another is wrong.

    Args:
        runs: Predictions for the same images.
    Returns:
        int64 (runs, runs): entry [a, b] counts the images that a classifies correctly and b does not.
    """
    correct = np.stack([run.correct for run in runs]).astype(np.float64)  # products of float64 are exact up to 2^53 images, and fast
    return (correct @ (1 - correct).T).astype(np.int64)
