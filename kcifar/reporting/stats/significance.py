"""The statistics by which runs are compared; every function here is pure and known by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.05  # of significance, after whatever adjustment


@dataclass(frozen=True)
class Spread:
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


def spread(values: Sequence[float]) -> Spread:
    """Return mean and spread of at least one finite value.

    Example:
        >>> found = spread([0.68, 0.70, 0.72])
        >>> round(found.mean, 4), round(found.deviation, 4), round(found.standard_error, 4)
        (0.7, 0.02, 0.0115)
    """
    lowest, highest = min(values), max(values)
    mean = min(max(math.fsum(values) / len(values), lowest), highest)  # rounding must not carry it past equal values
    if len(values) == 1:
        return Spread(mean, math.nan, lowest, highest, math.nan)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Spread(mean, deviation, lowest, highest, deviation / math.sqrt(len(values)))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test: whether two classifiers err equally often on the same images.

    Where only one of the two is right, each is it with probability 1/2 if they are equally good; so with n = only_a + only_b and
    k = min(only_a, only_b) the two-sided p is min(1, 2 Σ_{i ≤ k} C(n, i) / 2ⁿ). Images that both or neither get right say nothing.

    Args:
        only_a: Images that only the first gets right, >= 0.
        only_b: Images that only the second gets right, >= 0.
    Returns:
        In [0, 1]; 1 where there is no such image.
    Example:
        >>> round(mcnemar_exact(1, 7), 4)
        0.0703

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages, 1947; the exact
        form and the example are from M. W. Fagerland, S. Lydersen, P. Laake, The McNemar test for binary matched-pairs data, 2013,
        https://doi.org/10.1186/1471-2288-13-91 (exact conditional test, table 1). For classifiers: T. G. Dietterich, Approximate
        Statistical Tests for Comparing Supervised Classification Learning Algorithms, 1998.
    """
    fewer, total = min(only_a, only_b), only_a + only_b
    largest = math.lgamma(total + 1) - math.lgamma(fewer + 1) - math.lgamma(total - fewer + 1) - total * math.log(2)  # log of the term i = k
    places = np.arange(fewer, 0, -1.0)
    tail = 1 + np.cumprod(places / (total - places + 1)).sum()  # each term over the one of i = k; C(n, i-1) = C(n, i) i / (n-i+1)
    return min(1.0, 2 * math.exp(largest) * float(tail))


def write_p(p_value: float) -> str:
    """Write a p-value for people: 0.0312, < 0.0001."""
    return f"{p_value:.4f}" if p_value >= 1e-4 else "< 0.0001"


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted for how many they are, so that the chance of any false finding stays below the level.

    With the m values in ascending order, the i-th (from 1) becomes the largest of (m - j + 1) p_j over j ≤ i, at most 1.

    Returns:
        float64, in the order given; never below what was given.
    Example:
        >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
        [0.03, 0.06, 0.06]

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)))
    return adjusted


def pareto_front(costs: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return which points no other point beats.

    One point beats another when it gains at least as much at no more cost, and one of both is strictly better. So equal points
    are on the front together, or not at all.

    Args:
        costs: float (n,); less is better.
        gains: float (n,); more is better.
    Returns:
        bool (n,); False where a cost or a gain is NaN.
    Example:
        >>> pareto_front(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.6, 0.8, 0.7, 0.8])).tolist()
        [True, True, False, False]
    """
    known = np.flatnonzero(~(np.isnan(costs) | np.isnan(gains)))
    order = known[np.lexsort((-gains[known], costs[known]))]  # by cost; of equal cost the largest gain first
    front = np.zeros(len(costs), bool)
    best_cost, best_gain = math.nan, -math.inf
    for place in order:
        if gains[place] > best_gain or (gains[place] == best_gain and costs[place] == best_cost):
            best_cost, best_gain = costs[place], gains[place]
            front[place] = True
    return front
