"""By how much accuracies differ by the choice of the images alone."""

import math
from statistics import NormalDist

import numpy as np

BY_CHANCE = NormalDist().inv_cdf(0.975)  # standard errors that 95% of the differences stay within


def difference_error(first: float, second: float, images: int) -> float:
    """Return the standard error of the difference of two shares, each over its own images: √((p(1-p) + q(1-q)) / n).

    Two networks that are measured on the same images differ by less, because they are mostly wrong on the same ones.

    Args:
        first: p, in [0, 1].
        second: q, in [0, 1].
        images: n of each, > 0.
    Example:
        >>> round(difference_error(0.9, 0.8, 1000), 4)
        0.0158

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, 1998, method 1.
    """
    return math.sqrt((first * (1 - first) + second * (1 - second)) / images)


def confidence_error(confidence: np.ndarray) -> float:
    """Return the standard error of an accuracy if each image were right with the probability that was given to it: √(Σ c(1-c)) / n.

    Args:
        confidence: c, float (n,), in [0, 1], at least one.
    Returns:
        The deviation of the number of right images, which is Poisson binomial, over n.
    Example:
        >>> confidence_error(np.full(100, 0.5))
        0.05
    """
    return math.sqrt(float((confidence * (1 - confidence)).clip(0).sum())) / len(confidence)
