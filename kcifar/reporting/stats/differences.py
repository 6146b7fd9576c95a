"""How far two recipes lie apart in accuracy, and how far they might by chance."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from kcifar.runs.load import SavedRun

SEEDS, IMAGES = "seeds", "images"
CONFIDENCE = 0.95  # of an interval judged by itself

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


def training_sample(runs: Sequence[SavedRun]) -> Sample:
    """Return the training accuracies of the runs' last epochs, by seed."""
    return _sample(runs, lambda run: float(run.history["accuracy"].iloc[-1]), [None])


def validation_sample(runs: Sequence[SavedRun]) -> Sample:
    """Return the validation accuracies of the runs' last epochs, by seed."""
    counts = [run.dataset.counts.get("validation") if run.dataset else None for run in runs]
    return _sample(runs, lambda run: float(run.history["val_accuracy"].iloc[-1]), counts)


def test_sample(runs: Sequence[SavedRun]) -> Sample:
    """Return the runs' test accuracies, of a single view, by seed."""
    counts = [run.test.samples for run in runs if run.test]
    return _sample(runs, lambda run: run.test.accuracy if run.test else math.nan, counts)


def mean_of_each_seed(runs: Sequence[SavedRun], number: Callable[[SavedRun], float]) -> list[float]:
    """Return the mean of a number over the runs of each seed, in the order of their first runs; numbers that are not finite are left out.

    The runs of one seed differ by the order of sums alone, if at all: counted as seeds, they would make a mean look surer than it is.
    """
    found: dict[int, list[float]] = {}
    for run in runs:
        if math.isfinite(value := number(run)):
            found.setdefault(run.recipe.seed, []).append(value)
    return [fmean(values) for values in found.values()]


def difference(sample: Sample, reference: Sample, confidence: float = CONFIDENCE) -> Difference:
    """Return how far a sample lies above a reference, with the interval that the data allow.

    From seeds where both have at least two and vary at all: what other seeds would give, on the same images. Else from images: what
    other images would give with these very networks; of other seeds it says nothing.
    """
    value = sample.mean - reference.mean
    if min(len(sample.accuracies), len(reference.accuracies)) > 1 and sample.deviation + reference.deviation > _ROUNDING:
        return Difference(value, welch_half_width(sample, reference, confidence), SEEDS)
    if sample.accuracies and reference.accuracies and sample.images and reference.images:
        return Difference(value, binomial_half_width(sample.mean, sample.images, reference.mean, reference.images, confidence), IMAGES)
    return Difference(value, math.nan, "")


def below_best(best: Sample, sample: Sample, candidates: int) -> Difference:
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
    return difference(best, sample, 1 - (1 - CONFIDENCE) / (candidates - 1))


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
    return NormalDist().inv_cdf((1 + confidence) / 2) * error + abs((share_a - share_b) - (q_a - q_b))


def _sample(runs: Sequence[SavedRun], accuracy: Callable[[SavedRun], float], counts: Sequence[int | None]) -> Sample:
    """The smallest number of images stands for all; one that is unknown makes it unknown."""
    known = [count for count in counts if count]
    images = min(known) if known and len(known) == len(counts) else None
    return Sample(tuple(mean_of_each_seed(runs, accuracy)), images)
