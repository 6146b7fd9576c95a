"""By how much accuracies differ by the choice of the images alone."""

import math


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
