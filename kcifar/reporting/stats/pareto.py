"""The Pareto front: the points of a trade-off that no other point dominates."""

import math

import numpy as np


def pareto_front(costs: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return which points no other point dominates.

    A point dominates another if it gains at least as much at no more cost, and is strictly better in one of the two. Therefore equal
    points are either all on the front or all off it.

    Args:
        costs: float (n,); less is better.
        gains: float (n,); more is better.
    Returns:
        bool (n,); False if the cost or the gain is NaN.
    Example:
        >>> pareto_front(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.6, 0.8, 0.7, 0.8])).tolist()
        [True, True, False, False]
    """
    known = np.flatnonzero(~(np.isnan(costs) | np.isnan(gains)))
    order = known[np.lexsort((-gains[known], costs[known]))]  # by cost; for equal cost, the largest gain first
    front = np.zeros(len(costs), bool)
    best_cost, best_gain = math.nan, -math.inf
    for place in order:
        if gains[place] > best_gain or (gains[place] == best_gain and costs[place] == best_cost):
            best_cost, best_gain = costs[place], gains[place]
            front[place] = True
    return front
