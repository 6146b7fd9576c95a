"""Temperature scaling: a single number that sharpens or softens all probabilities, fitted on validation images."""

import math

import numpy as np

from kcifar.reporting.stats.calibration import MIN_PROBABILITY
from kcifar.runs.arrays import take_at_labels

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0  # range of the search; networks need 0.3 to 10
_PRECISION = 1e-9  # relative
_MAX_STEPS = 100  # Newton's method takes about 6 steps, bisection alone about 30


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at another temperature: softmax(log p / T). The order of classes does not change.

    The logits of a network are log p up to a constant per image, which softmax ignores.

    Args:
        probabilities: (images, classes), rows sum to 1; 0 is replaced by `MIN_PROBABILITY`. Not modified.
        temperature: T > 0; above 1 makes the probabilities more equal, below 1 less equal.
    Returns:
        float64 (images, classes), rows sum to 1.
    Example:
        >>> apply_temperature(np.array([[0.8, 0.2]]), 2.0).round(4).tolist()
        [[0.6667, 0.3333]]

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On Calibration of Modern Neural Networks, 2017, section 4.2,
        https://arxiv.org/abs/1706.04599
    """
    return _softmax(np.log(np.maximum(probabilities, MIN_PROBABILITY)) / temperature)


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature in [`MIN_TEMPERATURE`, `MAX_TEMPERATURE`] with the highest likelihood of the labels; 1 if all are equally likely.

    The mean negative log-likelihood is convex in 1/T, so its only minimum is where its slope is 0. Newton's method finds it, starting
    from 1, with bisection of the interval in log T if a step would leave the interval. A value at either end means that there is no
    minimum in between: the lower end if all labels are predicted, the upper end if the probabilities carry no information about the labels.

    Args:
        labels: Integer (images,), at least one.
        probabilities: (images, classes), rows sum to 1; 0 is replaced by `MIN_PROBABILITY`.
    Example:
        >>> labels, probabilities = np.array([0, 0, 0, 1]), np.full((4, 2), [0.9, 0.1])  # right in 3 of 4 at 0.9
        >>> round(fit_temperature(labels, probabilities), 4), round(math.log(9) / math.log(3), 4)
        (2.0, 2.0)

    Source: Guo et al. 2017, section 4.2.
    """
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    logits -= take_at_labels(labels, logits)[:, None]
    inverse, low, high = 1.0, 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    slope, curvature = _compute_derivatives(logits, inverse)
    if slope < 0 and _compute_derivatives(logits, high)[0] <= 0:
        return MIN_TEMPERATURE
    if slope > 0 and _compute_derivatives(logits, low)[0] >= 0:
        return MAX_TEMPERATURE
    for _ in range(_MAX_STEPS):
        if slope == 0:
            break
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        candidate = inverse - slope / curvature if curvature > 0 else math.nan
        if not low <= candidate <= high:
            candidate = math.sqrt(low * high)
        if abs(candidate - inverse) <= _PRECISION * inverse:
            break
        inverse = candidate
        slope, curvature = _compute_derivatives(logits, inverse)
    return 1 / inverse


def _compute_derivatives(logits: np.ndarray, inverse: float) -> tuple[float, float]:
    """Return the first and second derivative of the mean negative log-likelihood in 1/T; logits are relative to that of the label."""
    weights = _softmax(logits * inverse)
    means = np.einsum("ij,ij->i", weights, logits)
    squares = np.einsum("ij,ij,ij->i", weights, logits, logits)
    return float(means.mean()), float((squares - means**2).mean())


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Compute the softmax of each row, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
