"""Rankings of predictions: images by confidence, and the classes of an image by probability."""

from dataclasses import dataclass

import numpy as np

from kcifar.runs.arrays import take_at_labels


@dataclass(frozen=True)
class CoverageCurve:
    """Accepted images at each confidence threshold, from the strictest to the one that accepts every image.

    Attributes:
        thresholds: float64 (n,), descending; images of at least this confidence are accepted.
        images: int64 (n,), accepted images, ascending.
        correct: int64 (n,), accepted images that are right.
    """

    thresholds: np.ndarray
    images: np.ndarray
    correct: np.ndarray

    @property
    def coverage(self) -> np.ndarray:
        """Fraction of all images that is accepted, in (0, 1]; float64 (n,)."""
        return np.asarray(self.images / self.images[-1])

    @property
    def accuracy(self) -> np.ndarray:
        """Fraction of the accepted images that is right; float64 (n,)."""
        return np.asarray(self.correct / self.images)

    def find_place(self, percent: int) -> int:
        """Return the place of the strictest threshold that accepts at least `percent`, in (0, 100], of the images."""
        least_images = -(-percent * int(self.images[-1]) // 100)
        return int(np.searchsorted(self.images, least_images))


def make_coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> CoverageCurve:
    """Return how many images each threshold accepts; images of equal confidence are accepted together, so their order does not matter.

    Args:
        confidence: (images,), at least one.
        correct: bool (images,).
    Example:
        >>> curve = make_coverage_curve(np.array([0.5, 0.9, 0.5]), np.array([False, True, True]))
        >>> curve.thresholds.tolist(), curve.images.tolist(), curve.accuracy.round(3).tolist()
        ([0.9, 0.5], [1, 3], [1.0, 0.667])

    Source: Y. Geifman, R. El-Yaniv, Selective Classification for Deep Neural Networks, 2017, section 2, https://arxiv.org/abs/1705.08500
    """
    values, places = np.unique(confidence, return_inverse=True)
    images, right = np.bincount(places), np.bincount(places[correct], minlength=len(values))
    return CoverageCurve(values[::-1], images[::-1].cumsum(), right[::-1].cumsum())


def area_under_risk_coverage(curve: CoverageCurve) -> float:
    """Return the mean over images of the error rate among images of at least this confidence (AURC), in [0, 1]; lower is better.

    For uninformative confidences, it is approximately the overall error rate.

    Example:
        >>> round(area_under_risk_coverage(make_coverage_curve(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))), 4)
        0.2778

    Source: Y. Geifman, G. Uziel, R. El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, 2019, section 3,
        https://arxiv.org/abs/1805.08206; the curve is that of Geifman and El-Yaniv 2017. Handling ties by threshold is our choice.
    """
    added = np.diff(curve.images, prepend=0)
    return float((added * (1 - curve.accuracy)).sum() / curve.images[-1])


def rank_labels(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the rank of each label among the classes of its image by descending probability: 1 for the most probable class.

    Of classes with equal probability, the one with the lowest label ranks first, as in `argmax`: rank 1 means that the prediction is right.

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
    precedes = np.arange(probabilities.shape[1]) < labels[:, None]
    return np.asarray(1 + (probabilities > label_values).sum(axis=1) + ((probabilities == label_values) & precedes).sum(axis=1))
