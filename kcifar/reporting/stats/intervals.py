"""Means, standard errors and confidence intervals: the formulas used by both tables and sentences."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95  # of a single interval


@dataclass(frozen=True)
class Summary:
    """Summary of repeated measurements.

    Attributes:
        mean: Their mean.
        deviation: Sample standard deviation (divisor n - 1); NaN for a single value.
        lowest: The smallest value.
        highest: The largest value.
        standard_error: Standard error of the mean: deviation / √n; NaN for a single value.
    """

    mean: float
    deviation: float
    lowest: float
    highest: float
    standard_error: float


def summarize(values: Sequence[float]) -> Summary:
    """Return the mean and the spread of at least one finite value.

    Example:
        >>> summary = summarize([0.68, 0.70, 0.72])
        >>> round(summary.mean, 4), round(summary.deviation, 4), round(summary.standard_error, 4)
        (0.7, 0.02, 0.0115)
    """
    lowest, highest = min(values), max(values)
    mean = min(max(math.fsum(values) / len(values), lowest), highest)  # rounding must not move it beyond equal values
    if len(values) == 1:
        return Summary(mean, math.nan, lowest, highest, math.nan)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Summary(mean, deviation, lowest, highest, deviation / math.sqrt(len(values)))


def normal_quantile(confidence: float) -> float:
    """Return the number of standard errors within which a fraction `confidence`, in (0, 1), of normal differences lies."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


Z_95 = NormalDist().inv_cdf(0.975)  # standard errors within which 95% of normal differences lie


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, without continuity correction.

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
    fraction = successes / trials
    center = fraction + z**2 / (2 * trials)
    half_width = z * math.sqrt(fraction * (1 - fraction) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (center - half_width) / scale), min(1.0, (center + half_width) / scale)


def compute_fraction_interval(fraction: float, count: int) -> tuple[float, float]:
    """Return the 95% Wilson interval of a fraction, such as an accuracy, from the integer number of successes that it represents.

    Args:
        fraction: In [0, 1].
        count: Number of trials, such as images; > 0.
    """
    return wilson_interval(round(fraction * count), count)


def harmonic_mean_rate(rates: Iterable[float]) -> float:
    """Return the harmonic mean: the overall rate of several spans of equal work, such as images/s of epochs on the same images.

    Rates that are not > 0 are left out; NaN if none remains.
    """
    inverse = [1 / rate for rate in rates if rate > 0]
    return len(inverse) / sum(inverse) if inverse else math.nan


def compute_difference_error(first: float, second: float, images: int) -> float:
    """Return the standard error of the difference of two proportions on independent images: √((p(1-p) + q(1-q)) / n).

    Two networks that are measured on the same images differ by less, because they are mostly wrong on the same images.

    Args:
        first: p, in [0, 1].
        second: q, in [0, 1].
        images: n for each proportion, > 0.
    Example:
        >>> round(compute_difference_error(0.9, 0.8, 1000), 4)
        0.0158

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, 1998, method 1.
    """
    return math.sqrt((first * (1 - first) + second * (1 - second)) / images)


def binomial_half_width(fraction_a: float, images_a: int, fraction_b: float, images_b: int, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of an interval around the difference of two proportions that covers the interval of Agresti and Caffo.

    Their interval is d' ± z √(q_a (1 - q_a) / (n_a + 2) + q_b (1 - q_b) / (n_b + 2)) with d' = q_a - q_b and q = (p n + 1) / (n + 2): one
    success and one failure are added, so that proportions of 0 and 1 have an interval as well. An interval around d = p_a - p_b covers it
    if |d - d'| is added to the half-width; for n_a = n_b, the end towards zero is then the same. The images are assumed to be independent:
    on the same images, where errors agree, the interval is wider than necessary.

    Args:
        fraction_a: p_a, in [0, 1].
        images_a: n_a, > 0.
        fraction_b: p_b, in [0, 1].
        images_b: n_b, > 0.
        confidence: In (0, 1).
    Example:
        >>> round(binomial_half_width(0.8, 10_000, 0.5, 10_000), 4)
        0.0126
        >>> round(binomial_half_width(1.0, 100, 0.95, 100), 4)
        0.0505

    Source: A. Agresti, B. Caffo, Simple and effective confidence intervals for proportions and differences of proportions, 2000.
    """
    error, shift = _estimate_smoothed_error(fraction_a, images_a, fraction_b, images_b)
    return normal_quantile(confidence) * error + shift


def binomial_test(fraction_a: float, images_a: int, fraction_b: float, images_b: int) -> float:
    """Return the two-sided p-value at which the interval of `binomial_half_width` with confidence 1 - p ends at zero; 1 if none excludes zero.

    Args:
        fraction_a: In [0, 1].
        images_a: > 0.
        fraction_b: In [0, 1].
        images_b: > 0.
    Example:
        >>> round(binomial_test(0.9438, 10_000, 0.9347, 10_000), 4)
        0.0071
    """
    error, shift = _estimate_smoothed_error(fraction_a, images_a, fraction_b, images_b)
    return math.erfc(max(0.0, abs(fraction_a - fraction_b) - shift) / error / math.sqrt(2))


def _estimate_smoothed_error(fraction_a: float, images_a: int, fraction_b: float, images_b: int) -> tuple[float, float]:
    """Return the standard error of Agresti and Caffo, and by how much their difference is off."""
    q_a, q_b = ((fraction * images + 1) / (images + 2) for fraction, images in ((fraction_a, images_a), (fraction_b, images_b)))
    error = math.sqrt(q_a * (1 - q_a) / (images_a + 2) + q_b * (1 - q_b) / (images_b + 2))
    return error, abs((fraction_a - fraction_b) - (q_a - q_b))
