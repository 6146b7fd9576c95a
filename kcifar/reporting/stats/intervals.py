"""Means, their errors and intervals: the formulas that tables and sentences share."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95  # of an interval judged by itself


@dataclass(frozen=True)
class Summary:
    """What repeated measurements say.

    Attributes:
        mean: Their mean.
        deviation: Sample standard deviation (divisor n - 1); NaN of a single one.
        lowest: The smallest.
        highest: The largest.
        standard_error: Of the mean: deviation / √n; NaN of a single one.
    """

    mean: float
    deviation: float
    lowest: float
    highest: float
    standard_error: float


def summarize(values: Sequence[float]) -> Summary:
    """Return mean and spread of at least one finite value.

    Example:
        >>> found = summarize([0.68, 0.70, 0.72])
        >>> round(found.mean, 4), round(found.deviation, 4), round(found.standard_error, 4)
        (0.7, 0.02, 0.0115)
    """
    lowest, highest = min(values), max(values)
    mean = min(max(math.fsum(values) / len(values), lowest), highest)  # rounding must not carry it past equal values
    if len(values) == 1:
        return Summary(mean, math.nan, lowest, highest, math.nan)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Summary(mean, deviation, lowest, highest, deviation / math.sqrt(len(values)))


def normal_quantile(confidence: float) -> float:
    """Return how many standard errors a share `confidence`, in (0, 1), of normal differences stays within."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


Z_95 = NormalDist().inv_cdf(0.975)  # standard errors that 95% of normal differences stay within


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, without continuity correction.

    With p = successes / trials and z the normal quantile of the confidence:
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Args:
        successes: In [0, trials].
        trials: > 0.
        confidence: In (0, 1).
    Returns:
        Lower and upper end, in [0, 1].
    Example:
        >>> low, high = wilson_interval(81, 263)
        >>> round(low, 4), round(high, 4)
        (0.2553, 0.3662)

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927; the example is from
        R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
    """
    z = normal_quantile(confidence)
    share = successes / trials
    centre = share + z**2 / (2 * trials)
    half_width = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (centre - half_width) / scale), min(1.0, (centre + half_width) / scale)


def compute_fraction_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95% Wilson interval of a share of so many, such as an accuracy of images, by the whole number that it stands for.

    Args:
        share: In [0, 1].
        count: > 0.
    """
    return wilson_interval(round(share * count), count)


def harmonic_mean_rate(rates: Iterable[float]) -> float:
    """Return the rate over several spans of equal work (images/s of epochs over the same images): their harmonic mean.

    Rates that are not > 0 are left out; NaN if none is left.
    """
    inverse = [1 / rate for rate in rates if rate > 0]
    return len(inverse) / sum(inverse) if inverse else math.nan


def compute_difference_error(first: float, second: float, images: int) -> float:
    """Return the standard error of the difference of two shares, each over its own images: √((p(1-p) + q(1-q)) / n).

    Two networks that are measured on the same images differ by less, because they are mostly wrong on the same ones.

    Args:
        first: p, in [0, 1].
        second: q, in [0, 1].
        images: n of each, > 0.
    Example:
        >>> round(compute_difference_error(0.9, 0.8, 1000), 4)
        0.0158

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, 1998, method 1.
    """
    return math.sqrt((first * (1 - first) + second * (1 - second)) / images)


def binomial_half_width(share_a: float, images_a: int, share_b: float, images_b: int, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of an interval around the difference of two shares that covers the interval of Agresti and Caffo.

    Theirs is d' ± z √(q_a (1 - q_a) / (n_a + 2) + q_b (1 - q_b) / (n_b + 2)) with q = (share x n + 1) / (n + 2), one success and one
    failure more than there were, so that shares of 0 and 1 keep an interval, and d' = q_a - q_b. So that one around d = share_a -
    share_b reaches as far, |d - d'| is added to the half-width; the end towards zero is then theirs where the images are as many.
    The images count as if they were others for each share: on the same images, where errors agree, it is wider than need be.

    Args:
        share_a: In [0, 1].
        images_a: n_a, > 0.
        share_b: In [0, 1].
        images_b: n_b, > 0.
        confidence: In (0, 1).
    Example:
        >>> round(binomial_half_width(0.8, 10_000, 0.5, 10_000), 4)
        0.0126
        >>> round(binomial_half_width(1.0, 100, 0.95, 100), 4)
        0.0505

    Source: A. Agresti, B. Caffo, Simple and effective confidence intervals for proportions and differences of proportions, 2000.
    """
    q_a, q_b = ((share * images + 1) / (images + 2) for share, images in ((share_a, images_a), (share_b, images_b)))
    error = math.sqrt(q_a * (1 - q_a) / (images_a + 2) + q_b * (1 - q_b) / (images_b + 2))
    return normal_quantile(confidence) * error + abs((share_a - share_b) - (q_a - q_b))
