"""How far two recipes lie apart in accuracy, and how far they might by chance."""

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from kcifar.reporting.stats.intervals import CONFIDENCE, binomial_half_width

FROM_SEEDS, FROM_IMAGES = "seeds", "images"

_ROUNDING = 1e-6  # deviations below are of arithmetic, not of seeds


@dataclass(frozen=True)
class Sample:
    """Accuracies of one recipe on one part.

    Attributes:
        accuracies: One of each seed, the mean of its runs; in [0, 1], finite; empty where no run was evaluated there.
        images: Of the part; None while unknown.
    """

    accuracies: tuple[float, ...]
    images: int | None

    @property
    def mean(self) -> float:
        """NaN where no run was evaluated."""
        return fmean(self.accuracies) if self.accuracies else math.nan

    @property
    def deviation(self) -> float:
        """Of the seeds, with divisor n - 1; NaN for fewer than two."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else math.nan


@dataclass(frozen=True)
class Difference:
    """Mean accuracy of one sample minus that of another.

    Attributes:
        value: In [-1, 1]; NaN where one of them is empty.
        half_width: Of its interval, >= 0; NaN while unknown.
        source: What the interval rests on: "seeds", "images", or nothing.
    """

    value: float
    half_width: float
    source: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return abs(self.value) > self.half_width


def compare_samples(sample: Sample, reference: Sample, confidence: float = CONFIDENCE) -> Difference:
    """Return how far a sample lies above a reference, with the interval that the data allow.

    From seeds where both have at least two and vary at all: what other seeds would give, on the same images. Else from images: what
    other images would give with these very networks; of other seeds it says nothing.
    """
    value = sample.mean - reference.mean
    if min(len(sample.accuracies), len(reference.accuracies)) > 1 and sample.deviation + reference.deviation > _ROUNDING:
        return Difference(value, welch_half_width(sample, reference, confidence), FROM_SEEDS)
    if sample.accuracies and reference.accuracies and sample.images and reference.images:
        return Difference(value, binomial_half_width(sample.mean, sample.images, reference.mean, reference.images, confidence), FROM_IMAGES)
    return Difference(value, math.nan, "")


def compare_with_best(best: Sample, sample: Sample, candidates: int) -> Difference:
    """Return how far a sample lies below the best of several, with an interval that allows for the choice.

    By chance the highest of many lies far above any other. With confidence 1 - 0.05 / (candidates - 1), each that is as good as the
    best of them is clearly below the chosen one with a chance of at most 5 %: it would have to be clearly below one of the others.

    Args:
        best: That of the highest mean.
        sample: Another of the candidates.
        candidates: How many the best was chosen from, itself included; >= 2.

    Source: C. E. Bonferroni, Teoria statistica delle classi e calcolo delle probabilita, 1936; of the comparison with the best: J. C. Hsu,
        Multiple Comparisons, 1996, chapter 4.
    """
    return compare_samples(best, sample, 1 - (1 - CONFIDENCE) / (candidates - 1))


def welch_half_width(a: Sample, b: Sample, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of Welch's interval for the difference of two means: t √(s_a²/n_a + s_b²/n_b).

    t is Student's quantile for (v_a + v_b)² / (v_a² / (n_a - 1) + v_b² / (n_b - 1)) degrees of freedom, with v = s² / n.

    Args:
        a: At least two accuracies, s its deviation and n their number.
        b: The same; not both without any deviation.
        confidence: In (0, 1).
    Example:
        >>> round(welch_half_width(Sample((0.81, 0.82, 0.83), None), Sample((0.70, 0.74), None)), 4)
        0.1891

    Source: B. L. Welch, The generalization of "Student's" problem when several different population variances are involved, 1947.
    """
    from scipy.special import stdtrit

    v_a, v_b = (sample.deviation**2 / len(sample.accuracies) for sample in (a, b))
    freedom = (v_a + v_b) ** 2 / (v_a**2 / (len(a.accuracies) - 1) + v_b**2 / (len(b.accuracies) - 1))
    return float(stdtrit(freedom, (1 + confidence) / 2) * math.sqrt(v_a + v_b))
