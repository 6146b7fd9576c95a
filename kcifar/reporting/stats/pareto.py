"""The Pareto front of accuracy against cost: the points that no other point dominates, as far as that is more than chance."""

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.reporting.stats.proportions import Proportion, compare_proportions
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm

_MAX_PAIRED = 100  # recipes whose pairs are all tested


@dataclass(frozen=True)
class ClearFront:
    """Which points of a trade-off are on the front, and which are not clearly off it.

    Attributes:
        on: bool (n,), points on the front that are clearly more accurate than those on it that cost less, and points equal to these.
        near: bool (n,), other points than which no point at the same or a lower cost is clearly more accurate.
    """

    on: np.ndarray
    near: np.ndarray


def find_clear_level(accuracies: Sequence[Proportion]) -> float:
    """Return the p-value below which the difference between any two of several recipes is clear, chosen from all pairs of them.

    That is `SIGNIFICANCE_LEVEL` divided by the number of pairs that are not clearly different, which Holm's method finds step by step; of many
    recipes, by the number of all pairs.

    Args:
        accuracies: One for each recipe.
    Example:
        >>> round(find_clear_level([Proportion(right, 1000) for right in (500, 700, 710, 900)]), 4)  # 700 and 710 are the only pair that is not clear
        0.05
    """
    pairs = math.comb(len(accuracies), 2)
    if len(accuracies) <= _MAX_PAIRED:
        p_values = [compare_proportions(a, b) for a, b in itertools.combinations(accuracies, 2)]
        pairs = int((adjust_holm(p_values) >= SIGNIFICANCE_LEVEL).sum())
    return SIGNIFICANCE_LEVEL / max(1, pairs)


def find_clear_front(costs: np.ndarray, accuracies: Sequence[Proportion], recipes: Sequence[Hashable], level: float) -> ClearFront:
    """Return the front of accuracy against cost, as far as the number of images tells accuracies apart by the test of two proportions.

    Only points of different recipes are compared: those of one recipe differ by chance. The cheapest point is always on the front.

    Args:
        costs: float (n,); NaN if unknown: such a point is neither on the front nor near it.
        accuracies: n proportions; without trials if unknown.
        recipes: Of the n points.
        level: The p-value below which a difference is clear (`find_clear_level`).
    Example:
        >>> counts = [Proportion(right, 1000) for right in (800, 805, 900, 700)]
        >>> front = find_clear_front(np.array([1.0, 2.0, 3.0, 4.0]), counts, "abcd", 0.05)
        >>> front.on.tolist(), front.near.tolist()
        ([True, False, True, False], [False, True, False, False])
    """
    values = np.array([accuracy.value for accuracy in accuracies], np.float64)
    known = np.flatnonzero(~(np.isnan(costs) | np.isnan(values)))
    order: list[int] = known[np.lexsort((-values[known], costs[known]))].tolist()
    rivals = _find_rivals(order, costs, values, recipes)
    on, near = np.zeros(len(costs), bool), np.zeros(len(costs), bool)

    def is_clear(better: int, worse: int) -> bool:
        return bool(values[better] > values[worse]) and compare_proportions(accuracies[better], accuracies[worse]) < level

    last: int | None = None  # taken onto the front
    for place in order:
        equal = last is not None and costs[place] == costs[last] and values[place] == values[last]
        on[place] = last is None or equal or (recipes[place] != recipes[last] and is_clear(place, last))
        last = place if on[place] else last
        near[place] = not on[place] and not (place in rivals and is_clear(rivals[place], place))
    return ClearFront(on, near)


def _find_rivals(order: Sequence[int], costs: np.ndarray, values: np.ndarray, recipes: Sequence[Hashable]) -> dict[int, int]:
    """Return the most accurate point of another recipe at the same or a lower cost, of each point that has one.

    Args:
        order: The points by ascending cost.
        costs: Of all points.
        values: The accuracies of all points.
        recipes: Of all points.
    """
    rivals: dict[int, int] = {}
    best: dict[Hashable, int] = {}  # of each recipe
    for _, group in itertools.groupby(order, key=lambda place: costs[place]):
        places = list(group)
        for place in places:
            best[recipes[place]] = max(best.get(recipes[place], place), place, key=lambda other: values[other])
        leading = sorted(best.values(), key=lambda place: -values[place])[:2]
        for place in places:
            others = [other for other in leading if recipes[other] != recipes[place]]
            rivals |= {place: others[0]} if others else {}
    return rivals
