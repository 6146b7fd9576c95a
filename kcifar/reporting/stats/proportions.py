"""Tests of whether proportions, such as accuracies, differ by more than chance."""

import math
from dataclasses import dataclass

import numpy as np

_MIN_EXPECTED = 5  # count in each cell of the two-by-two table at which the normal approximation is used
_ALIKE = 1 + 1e-7  # tables this much more probable than the observed one count as equally probable, as in SciPy


@dataclass(frozen=True)
class Proportion:
    """A number of successes among independent trials, such as the images that are classified correctly.

    Attributes:
        successes: In [0, trials].
        trials: >= 0.
    """

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """Successes divided by trials, in [0, 1]; NaN without trials."""
        return self.successes / self.trials if self.trials else math.nan


def make_proportion(fraction: float, trials: int) -> Proportion:
    """Return the proportion that a fraction in [0, 1], such as an accuracy, represents."""
    return Proportion(round(fraction * trials), trials)


def compare_proportions(a: Proportion, b: Proportion) -> float:
    """Return the two-sided p-value of the hypothesis that two independent proportions are equal.

    With p = (x_a + x_b) / (n_a + n_b), z = (x_a/n_a - x_b/n_b) / √(p (1 - p) (1/n_a + 1/n_b)) is normal. If fewer than five
    successes or failures are expected of either, Fisher's exact test is used instead.

    Networks measured on the same images are wrong on mostly the same ones, and differ by less than independent ones: there, the
    p-value is too large rather than too small. McNemar's test (`mcnemar_exact`) uses the images, where predictions are known.

    Returns:
        In [0, 1]; 1 if either has no trials.
    Example:
        >>> round(compare_proportions(Proportion(9438, 10_000), Proportion(9347, 10_000)), 4)
        0.0071
        >>> round(compare_proportions(Proportion(36, 36), Proportion(35, 36)), 4)
        1.0

    Source: the score test is Pearson's χ² test without continuity correction; R. A. Fisher, The Logic of Inductive Inference, 1935; the
        rule of five expected counts is from W. G. Cochran, Some Methods for Strengthening the Common χ² Tests, 1954.
    """
    trials = a.trials + b.trials
    if not a.trials or not b.trials:
        return 1.0
    pooled = (a.successes + b.successes) / trials
    if min(a.trials, b.trials) * min(pooled, 1 - pooled) < _MIN_EXPECTED:
        return fisher_exact(a, b)
    z = (a.value - b.value) / math.sqrt(pooled * (1 - pooled) * (1 / a.trials + 1 / b.trials))
    return math.erfc(abs(z) / math.sqrt(2))


def compare_with_fraction(observed: Proportion, fraction: float) -> float:
    """Return the two-sided p-value of the hypothesis that a proportion has a given true value p.

    z = (x/n - p) / √(p (1 - p) / n) is normal, which is the test that Wilson's interval inverts. If fewer than five successes or failures are
    expected, the exact binomial test is used: the probability of all numbers of successes at most as probable as the observed one.

    Args:
        observed: At least one trial.
        fraction: p, in [0, 1].
    Example:
        >>> round(compare_with_fraction(Proportion(0, 1), 0.9), 4), round(compare_with_fraction(Proportion(60, 100), 0.5), 4)
        (0.1, 0.0455)

    Source: for the exact test: R. A. Fisher, The Design of Experiments, 1935; for the other: E. B. Wilson, 1927.
    """
    if observed.trials * min(fraction, 1 - fraction) >= _MIN_EXPECTED:
        return math.erfc(abs(observed.value - fraction) / math.sqrt(2 * fraction * (1 - fraction) / observed.trials))
    if fraction in (0, 1):
        return float(observed.value == fraction)
    numbers = np.arange(observed.trials + 1.0)
    logs = numbers * math.log(fraction) + (observed.trials - numbers) * math.log1p(-fraction)
    chances = np.exp(logs + math.lgamma(observed.trials + 1) - _log_factorials(numbers) - _log_factorials(observed.trials - numbers))
    return min(1.0, float(chances[chances <= chances[observed.successes] * _ALIKE].sum()))


def fisher_exact(a: Proportion, b: Proportion) -> float:
    """Return the two-sided p-value of Fisher's exact test: the probability of all tables at most as probable as the observed one.

    Given the sum of successes K, those of the first are hypergeometric: C(n_a, x) C(n_b, K - x) / C(n_a + n_b, K).

    Args:
        a: At least one trial.
        b: At least one trial.
    Example:
        >>> round(fisher_exact(Proportion(3, 4), Proportion(1, 4)), 4)  # Fisher's lady tasting tea: 17/35, two-sided
        0.4857

    Source: R. A. Fisher, The Design of Experiments, 1935, chapter 2.
    """
    total = a.successes + b.successes
    drawn = np.arange(max(0, total - b.trials), min(a.trials, total) + 1.0)
    # Constant factors cancel when the probabilities are divided by their sum.
    logs = -np.sum([_log_factorials(count) for count in (drawn, a.trials - drawn, total - drawn, b.trials - total + drawn)], axis=0)
    chances = np.exp(logs - logs.max())
    observed = chances[a.successes - int(drawn[0])]
    return min(1.0, float(chances[chances <= observed * _ALIKE].sum() / chances.sum()))


def _log_factorials(numbers: np.ndarray) -> np.ndarray:
    """Return the logarithm of the factorial of each number, float64 (n,); to import scipy for it takes longer than to compute them."""
    return np.array([math.lgamma(number + 1) for number in numbers.tolist()])
