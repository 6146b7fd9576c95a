"""The few formulas that tables share."""

import math
from collections.abc import Iterable
from statistics import NormalDist

BY_CHANCE = NormalDist().inv_cdf(0.975)  # standard errors that 95% of normal differences stay within


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
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z**2 / (2 * trials)
    half_width = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (centre - half_width) / scale), min(1.0, (centre + half_width) / scale)


def interval_of_share(share: float, count: int) -> tuple[float, float]:
    """Return the 95% Wilson interval of a share of so many, such as an accuracy of images, by the whole number that it stands for.

    Args:
        share: In [0, 1].
        count: > 0.
    """
    return wilson_interval(round(share * count), count)


def mean_rate(rates: Iterable[float]) -> float:
    """Return the rate over several spans of equal work (images/s of epochs over the same images): their harmonic mean.

    Rates that are not > 0 are left out; NaN if none is left.
    """
    inverse = [1 / rate for rate in rates if rate > 0]
    return len(inverse) / sum(inverse) if inverse else math.nan
