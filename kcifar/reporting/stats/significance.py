"""Statistical tests that compare runs."""

import math
from collections.abc import Sequence

import numpy as np

SIGNIFICANCE_LEVEL = 0.05  # for p-values, after any adjustment
_ROUNDING = 1e-12  # differences below are rounding errors


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test of whether two classifiers err equally often on the same images.

    If the two are equally good, each is right with probability 1/2 on the images where only one is. With n = only_a + only_b and
    k = min(only_a, only_b), the two-sided p-value is min(1, 2 Σ_{i ≤ k} C(n, i) / 2ⁿ). Images on which both or neither are right do not count.

    Args:
        only_a: Images on which only the first is right, >= 0.
        only_b: Images on which only the second is right, >= 0.
    Returns:
        In [0, 1]; 1 if there are no such images.
    Example:
        >>> round(mcnemar_exact(1, 7), 4)
        0.0703

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages, 1947; the exact
        form and the example are from M. W. Fagerland, S. Lydersen, P. Laake, The McNemar test for binary matched-pairs data, 2013,
        https://doi.org/10.1186/1471-2288-13-91 (exact conditional test, table 1). For classifiers: T. G. Dietterich, Approximate
        Statistical Tests for Comparing Supervised Classification Learning Algorithms, 1998.
    """
    fewer, total = min(only_a, only_b), only_a + only_b
    log_largest = math.lgamma(total + 1) - math.lgamma(fewer + 1) - math.lgamma(total - fewer + 1) - total * math.log(2)  # the term i = k
    places = np.arange(fewer, 0, -1.0)
    tail = 1 + np.cumprod(places / (total - places + 1)).sum()  # each term divided by the term i = k; C(n, i-1) = C(n, i) i / (n-i+1)
    return min(1.0, 2 * math.exp(log_largest) * float(tail))


def slope_test(values: Sequence[float]) -> float:
    """Return the two-sided p-value of the hypothesis that equally spaced values lie on a level line, by Student's test of the slope.

    With the least-squares slope b and the squared deviations S from its line, t = b √(Σ (x - x̄)² (n - 2) / S) has n - 2 degrees of freedom.

    Args:
        values: n finite numbers, n >= 3.
    Returns:
        In [0, 1]; 1 if all values are equal, 0 if they rise or fall on a line exactly.
    Example:
        >>> round(slope_test([0.50, 0.56, 0.58, 0.66]), 4)
        0.0232

    Source: N. R. Draper, H. Smith, Applied Regression Analysis, 1998, section 1.4.
    """
    from scipy.special import stdtr

    heights = np.asarray(values, np.float64)
    places = np.arange(len(heights)) - (len(heights) - 1) / 2
    spread = float((places**2).sum())
    slope = float(places @ heights) / spread
    deviations = float(((heights - heights.mean() - slope * places) ** 2).sum())
    if abs(slope) * math.sqrt(spread) <= _ROUNDING or not len(set(values)) > 1:
        return 1.0
    if deviations <= _ROUNDING**2:
        return 0.0
    return float(2 * stdtr(len(heights) - 2, -abs(slope) * math.sqrt(spread * (len(heights) - 2) / deviations)))


def adjust_holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted for their number by Holm's method, which keeps the probability of any false positive below the level.

    With the m values in ascending order, the i-th (from 1) becomes the largest of (m - j + 1) p_j over j ≤ i, at most 1.

    Returns:
        float64, in the given order; never below the given values.
    Example:
        >>> adjust_holm([0.01, 0.04, 0.03]).round(4).tolist()
        [0.03, 0.06, 0.06]

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted
