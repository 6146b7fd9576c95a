"""Calibration errors and scores of predicted probabilities, each with its source.

Confidence is the largest probability of an image; it is calibrated if a fraction c of the images with confidence c is right.
"""

import math
from dataclasses import dataclass

import numpy as np

from kcifar.runs.arrays import take_at_labels

BINS = 15  # as in Guo et al. 2017
MIN_PROBABILITY = 2.0**-149  # the smallest float32 above 0, 1.4e-45: replaces a probability of exactly 0 in a logarithm


@dataclass(frozen=True)
class ReliabilityBins:
    """Images in bins of equal width, by confidence.

    Attributes:
        edges: float64 (bins + 1,), from 0 to 1; a bin includes its upper edge, not its lower edge.
        counts: int64 (bins,), images.
        confidence: float64 (bins,), mean over the images of the bin; NaN in an empty bin.
        accuracy: float64 (bins,), fraction of the images that is right; NaN in an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def gaps(self) -> np.ndarray:
        """Mean confidence minus accuracy; above 0 if the bin is overconfident; NaN in an empty bin."""
        return np.asarray(self.confidence - self.accuracy)


def bin_by_confidence(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> ReliabilityBins:
    """Sort images into bins ((m - 1)/M, m/M] of confidence.

    Args:
        confidence: (images,), in [0, 1].
        correct: bool (images,).
        bins: M, > 0.
    Example:
        >>> reliability = bin_by_confidence(np.array([0.55, 0.65, 0.9]), np.array([True, False, True]), bins=5)
        >>> reliability.counts.tolist(), reliability.gaps.round(2).tolist()
        ([0, 0, 1, 1, 1], [nan, nan, -0.45, 0.65, -0.1])

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On Calibration of Modern Neural Networks, 2017, section 2,
        https://arxiv.org/abs/1706.04599
    """
    edges = np.linspace(0, 1, bins + 1)
    places = _find_bins(confidence, bins)
    counts = np.bincount(places, minlength=bins)
    divisors = np.where(counts, counts, np.nan)
    sums = (np.bincount(places, weights=values, minlength=bins) for values in (confidence, correct))
    mean_confidence, accuracy = (total / divisors for total in sums)
    return ReliabilityBins(edges, counts, mean_confidence, accuracy)


def expected_calibration_error(bins: ReliabilityBins) -> float:
    """Return the mean over images of the difference between confidence and accuracy of their bin: Σ n_b/n |acc_b - conf_b|, in [0, 1].

    Example:
        >>> round(expected_calibration_error(bin_by_confidence(np.array([0.7, 0.8, 0.9, 0.9]), np.array([True, True, True, False]), 1)), 3)
        0.075

    Source: Guo et al. 2017, equation 3; M. P. Naeini, G. F. Cooper, M. Hauskrecht, 2015.
    """
    return float(np.nansum(bins.counts * np.abs(bins.gaps)) / bins.counts.sum())


def maximum_calibration_error(bins: ReliabilityBins) -> float:
    """Return the largest difference between confidence and accuracy of a bin with images, in [0, 1].

    Example:
        >>> round(maximum_calibration_error(bin_by_confidence(np.array([0.55, 0.9]), np.array([True, True]))), 2)
        0.45

    Source: Guo et al. 2017, equation 5.
    """
    return float(np.nanmax(np.abs(bins.gaps)))


def chance_calibration_error(confidence: np.ndarray, bins: int = BINS) -> float:
    """Return approximately the expected calibration error by chance alone, if the confidences were calibrated.

    The sum of (right - c) over a bin then has mean 0 and variance Σ c(1 - c), and the mean absolute value of a normal variable is its
    standard deviation times √(2/π): √(2/π)/n Σ_b √(Σ_{i in b} c_i (1 - c_i)). Few images or many bins make it large.

    Args:
        confidence: (images,), in [0, 1].
        bins: > 0.
    Example:
        >>> [round(chance_calibration_error(np.full(images, 0.5)), 4) for images in (100, 10_000)]
        [0.0399, 0.004]

    Source: the normal approximation; for the bias itself: R. Roelofs, N. Cain, J. Shlens, M. C. Mozer, Mitigating Bias in
        Calibration Error Estimation, 2022, https://arxiv.org/abs/2012.08668
    """
    variances = np.bincount(_find_bins(confidence, bins), weights=confidence * (1 - confidence), minlength=bins)
    return float(math.sqrt(2 / math.pi) * np.sqrt(variances).sum() / len(confidence))


def estimate_overconfidence(confidence: np.ndarray, correct: np.ndarray) -> tuple[float, float]:
    """Return mean confidence minus accuracy, in [-1, 1], and its standard error.

    The error is the larger of two estimates: from the spread of (confidence - right) over the images, and the standard error of the
    accuracy if the confidences were calibrated, √(Σ c(1 - c))/n. The first is uninformative if no image is wrong, the second if every
    confidence is 1.

    Example:
        >>> difference, error = estimate_overconfidence(np.full(100, 0.9), np.arange(100) < 80)
        >>> round(difference, 3), round(error, 3)
        (0.1, 0.04)
    """
    differences = confidence - correct
    expected = math.sqrt((confidence * (1 - confidence)).sum()) / len(confidence)
    return float(differences.mean()), max(float(differences.std()) / math.sqrt(len(differences)), expected)


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the multi-class Brier score: the mean over images of Σ_k (p_k - y_k)², in [0, 2].

    Args:
        labels: Integer (images,).
        probabilities: (images, classes); rows sum to 1.
    Example:
        >>> round(brier_score(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]])), 2)
        0.4

    Source: G. W. Brier, Verification of Forecasts Expressed in Terms of Probability, 1950, equation 2.
    """
    # (1 - p)² + Σ of the other squares, without a second array of this size
    return float((np.einsum("ij,ij->i", probabilities, probabilities) - 2 * take_at_labels(labels, probabilities) + 1).mean())


def negative_log_likelihood(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean of -log p of the labels, in nats, >= 0; a probability of exactly 0 is replaced by `MIN_PROBABILITY`.

    Args:
        labels: Integer (images,).
        probabilities: (images, classes); rows sum to 1.
    Example:
        >>> round(negative_log_likelihood(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]])), 4)
        1.0397

    Source: Guo et al. 2017, equation 6, which is a sum.
    """
    return float(np.abs(np.log(np.maximum(take_at_labels(labels, probabilities), MIN_PROBABILITY))).mean())  # abs: none is above 1, and no -0


def _find_bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each confidence, from 0; a confidence of exactly 0 is in the first."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
