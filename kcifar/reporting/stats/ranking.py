"""Orders among predictions: of images by their confidence, and of an image's classes by their probability."""

from dataclasses import dataclass

import numpy as np

from kcifar.runs.arrays import take_at_labels


@dataclass(frozen=True)
class CoverageCurve:
    """What is accepted at each threshold of confidence, from the strictest to the one that accepts every image.

    Attributes:
        thresholds: float64 (n,), falling; images of at least this confidence are accepted.
        images: int64 (n,), accepted images, rising.
        correct: int64 (n,), those of them that are right.
    """

    thresholds: np.ndarray
    images: np.ndarray
    correct: np.ndarray

    @property
    def coverage(self) -> np.ndarray:
        """Share of all images that is accepted, in (0, 1]; float64 (n,)."""
        return np.asarray(self.images / self.images[-1])

    @property
    def accuracy(self) -> np.ndarray:
        """Share of the accepted images that is right; float64 (n,)."""
        return np.asarray(self.correct / self.images)

    def find_place(self, percent: int) -> int:
        """Return the place of the strictest threshold that accepts at least so many percent of the images, in (0, 100]."""
        least_images = -(-percent * int(self.images[-1]) // 100)
        return int(np.searchsorted(self.images, least_images))


def make_coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> CoverageCurve:
    """Return how many images each threshold accepts; images of the same confidence are accepted together, so that their order is of no account.

    Args:
        confidence: (images,), at least one.
        correct: bool (images,).
    Example:
        >>> found = make_coverage_curve(np.array([0.5, 0.9, 0.5]), np.array([False, True, True]))
        >>> found.thresholds.tolist(), found.images.tolist(), found.accuracy.round(3).tolist()
        ([0.9, 0.5], [1, 3], [1.0, 0.667])

    Source: Y. Geifman, R. El-Yaniv, Selective Classification for Deep Neural Networks, 2017, section 2, https://arxiv.org/abs/1705.08500
    """
    values, places = np.unique(confidence, return_inverse=True)
    images, right = np.bincount(places), np.bincount(places[correct], minlength=len(values))
    return CoverageCurve(values[::-1], images[::-1].cumsum(), right[::-1].cumsum())


def area_under_risk_coverage(curve: CoverageCurve) -> float:
    """Return the mean over images of the share of mistakes among those at least as confident (AURC), in [0, 1]; less is better.

    At confidences that tell nothing it is about the share of all mistakes.

    Example:
        >>> round(area_under_risk_coverage(make_coverage_curve(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))), 4)
        0.2778

    Source: Y. Geifman, G. Uziel, R. El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, 2019, section 3,
        https://arxiv.org/abs/1805.08206; the curve is that of Geifman and El-Yaniv 2017. Ties by threshold are ours.
    """
    added = np.diff(curve.images, prepend=0)
    return float((added * (1 - curve.accuracy)).sum() / curve.images[-1])


def rank_labels(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the place of each label among the classes of its image by falling probability: 1 for the most probable.

    Of classes with the same probability the first in the order of the labels goes first, as it does where a class is called
    (`argmax`): rank 1 means that the image is called right.

    Args:
        labels: Integer (images,).
        probabilities: (images, classes).
    Returns:
        int64 (images,), in [1, classes].
    Example:
        >>> rank_labels(np.array([0, 1, 2]), np.array([[0.5, 0.3, 0.2], [0.6, 0.2, 0.2], [0.6, 0.2, 0.2]])).tolist()
        [1, 2, 3]
    """
    label_values = take_at_labels(labels, probabilities)[:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    return np.asarray(1 + (probabilities > label_values).sum(axis=1) + ((probabilities == label_values) & earlier).sum(axis=1))
