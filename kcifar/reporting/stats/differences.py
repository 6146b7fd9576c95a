"""Differences in accuracy between two recipes, with confidence intervals."""

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from kcifar.reporting.stats.intervals import CONFIDENCE, binomial_half_width, binomial_test

FROM_SEEDS, FROM_IMAGES = "seeds", "images"

_ROUNDING = 1e-6  # standard deviations below are rounding errors, not differences between seeds


@dataclass(frozen=True)
class Sample:
    """Accuracies of one recipe on one split.

    Attributes:
        accuracies: One per seed, the mean of its runs; in [0, 1], finite; empty if no run was evaluated on the split.
        images: Number of images in the split; None if unknown.
    """

    accuracies: tuple[float, ...]
    images: int | None

    @property
    def mean(self) -> float:
        """Mean accuracy; NaN if no run was evaluated."""
        return fmean(self.accuracies) if self.accuracies else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds (divisor n - 1); NaN for fewer than two."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else math.nan


@dataclass(frozen=True)
class Difference:
    """Mean accuracy of one sample minus that of another.

    Attributes:
        value: In [-1, 1]; NaN if a sample is empty.
        half_width: Half-width of the confidence interval, >= 0; NaN if unknown.
        source: What the interval is computed from: "seeds", "images", or "" for neither.
        p_value: Two-sided, of the test that the interval inverts; NaN if unknown.
    """

    value: float
    half_width: float
    source: str
    p_value: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return abs(self.value) > self.half_width


def compare_samples(sample: Sample, reference: Sample, confidence: float = CONFIDENCE) -> Difference:
    """Return the difference between a sample and a reference, with the interval that the data allow.

    The interval is computed from seeds if both have at least two and the accuracies vary: it covers other seeds, on the same images.
    Otherwise it is computed from the number of images: it covers other images with the same networks, and says nothing about other seeds.
    """
    value = sample.mean - reference.mean
    if can_compare_seeds(sample, reference):
        return Difference(value, welch_half_width(sample, reference, confidence), FROM_SEEDS, welch_test(sample, reference))
    if sample.accuracies and reference.accuracies and sample.images and reference.images:
        counts = sample.mean, sample.images, reference.mean, reference.images
        return Difference(value, binomial_half_width(*counts, confidence), FROM_IMAGES, binomial_test(*counts))
    return Difference(value, math.nan, "", math.nan)


def compare_with_best(best: Sample, sample: Sample, candidates: int) -> Difference:
    """Return how far a sample is below the best of several, with an interval adjusted for the choice of the best.

    The highest of many candidates is often far above the others by chance. With confidence 1 - 0.05 / (candidates - 1), a candidate that is
    truly as good as the best is clearly below the chosen one with a probability of at most 5%: it would have to be clearly below one of
    the others.

    Args:
        best: The candidate with the highest mean.
        sample: Another candidate.
        candidates: Number of candidates, including the best; >= 2.

    Source: C. E. Bonferroni, Teoria statistica delle classi e calcolo delle probabilita, 1936; for the comparison with the best: J. C. Hsu,
        Multiple Comparisons, 1996, chapter 4.
    """
    return compare_samples(best, sample, 1 - (1 - CONFIDENCE) / (candidates - 1))


def welch_half_width(a: Sample, b: Sample, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of Welch's confidence interval for the difference of two means: t √(s_a²/n_a + s_b²/n_b).

    t is Student's quantile for (v_a + v_b)² / (v_a² / (n_a - 1) + v_b² / (n_b - 1)) degrees of freedom, with v = s² / n.

    Args:
        a: At least two accuracies, n their number and s their standard deviation.
        b: The same; the standard deviations are not both 0.
        confidence: In (0, 1).
    Example:
        >>> round(welch_half_width(Sample((0.81, 0.82, 0.83), None), Sample((0.70, 0.74), None)), 4)
        0.1891

    Source: B. L. Welch, The generalization of "Student's" problem when several different population variances are involved, 1947.
    """
    from scipy.special import stdtrit

    error, degrees_of_freedom = _estimate_welch_error(a, b)
    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2) * error)


def welch_test(a: Sample, b: Sample) -> float:
    """Return the two-sided p-value of Welch's test of whether two means are equal.

    Args:
        a: At least two accuracies.
        b: The same; the standard deviations are not both 0.
    Example:
        >>> round(welch_test(Sample((0.81, 0.82, 0.83), None), Sample((0.70, 0.74), None)), 4)
        0.1038

    Source: B. L. Welch, 1947, as for `welch_half_width`.
    """
    from scipy.special import stdtr

    error, degrees_of_freedom = _estimate_welch_error(a, b)
    return float(2 * stdtr(degrees_of_freedom, -abs(a.mean - b.mean) / error))


def can_compare_seeds(a: Sample, b: Sample) -> bool:
    """Whether two samples have at least two seeds each, and accuracies that vary between seeds."""
    return min(len(a.accuracies), len(b.accuracies)) > 1 and a.deviation + b.deviation > _ROUNDING


def _estimate_welch_error(a: Sample, b: Sample) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and its degrees of freedom."""
    v_a, v_b = (sample.deviation**2 / len(sample.accuracies) for sample in (a, b))
    return math.sqrt(v_a + v_b), (v_a + v_b) ** 2 / (v_a**2 / (len(a.accuracies) - 1) + v_b**2 / (len(b.accuracies) - 1))
