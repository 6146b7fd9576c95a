"""The best order of the leaves of a tree of clusters: alike leaves side by side.

scipy.cluster.hierarchy.optimal_leaf_ordering is meant to give it, but does not always (scipy issue 11227, open as of version 1.17).
"""

from collections.abc import Sequence

import numpy as np

Merges = Sequence[tuple[int, int]]


def optimal_leaf_order(merges: Merges, distances: np.ndarray) -> list[int]:
    """Return the order of leaves with the shortest way from neighbour to neighbour, of all 2^(n - 1) that a tree allows by turning its nodes.

    The shortest way through all leaves below a node that begins at leaf a of one child and ends at leaf b of the other is
    W(a, b) = min over m, k of W(a, m) + d(m, k) + W(k, b), with m the last leaf of the one child and k the first of the other.
    It takes O(n^3) steps: a second for a thousand leaves.

    Args:
        merges: The two children of each node, as in the first columns of scipy's linkage matrix: leaves are 0 to n - 1, and node n + i is
            made by the i-th merge.
        distances: float (n, n), symmetric.
    Example:
        >>> line = np.array([3.0, 0.0, 1.0, 7.0])
        >>> optimal_leaf_order([(1, 2), (0, 4), (3, 5)], abs(line[:, None] - line))
        [3, 0, 2, 1]

    Source: Z. Bar-Joseph, D. K. Gifford and T. S. Jaakkola, Fast optimal leaf ordering for hierarchical clustering, 2001.
    """
    tree = _Tree(merges, distances)
    leaves, count = tree.leaves[-1], len(distances)
    if count == 1:
        return [0]
    ways = tree.ways(2 * count - 2)
    first, last = np.unravel_index(ways.argmin(), ways.shape)
    return tree.path(int(leaves[first]), int(leaves[last]))


class _Tree:
    """Leaves below each node, and the shortest ways through them.

    `shortest` is float (n, n): for two leaves the shortest way that begins and ends with them, through all leaves of the smallest node
    that holds both. Each pair has one such node, so one table serves all nodes.
    """

    def __init__(self, merges: Merges, distances: np.ndarray) -> None:
        count = len(distances)
        self.distances = distances
        self.merges = [(int(left), int(right)) for left, right in merges]
        self.leaves = [np.array([leaf]) for leaf in range(count)]
        self.shortest = np.zeros((count, count))
        for left, right in self.merges:
            small, large = sorted((left, right), key=lambda node: len(self.leaves[node]))
            self._join(small, large)
            self.leaves.append(np.concatenate([self.leaves[left], self.leaves[right]]))

    def _join(self, small: int, large: int) -> None:
        """Fill in the ways that begin below one node and end below the other; loops run over the smaller."""
        rows, columns = self.leaves[large], self.leaves[small]
        begun, between, ended = self.ways(large), self.distances[np.ix_(rows, columns)], self.ways(small)
        reached = np.stack([(begun + step).min(axis=1) for step in between.T], axis=1)
        joined = np.stack([(reached + end).min(axis=1) for end in ended.T], axis=1)
        self.shortest[np.ix_(rows, columns)] = joined
        self.shortest[np.ix_(columns, rows)] = joined.T

    def ways(self, node: int) -> np.ndarray:
        """Return the shortest ways through a node from each of its leaves to each; infinite between leaves of one child."""
        leaves, count = self.leaves[node], len(self.distances)
        if node < count:
            return np.zeros((1, 1))
        half = len(self.leaves[self.merges[node - count][0]])
        ways = np.full((len(leaves), len(leaves)), np.inf)
        ways[:half, half:] = self.shortest[np.ix_(leaves[:half], leaves[half:])]
        ways[half:, :half] = ways[:half, half:].T
        return ways

    def _ways_from(self, node: int, leaf: int) -> np.ndarray:
        """Return the row of `ways` that belongs to a leaf."""
        leaves, count = self.leaves[node], len(self.distances)
        if node < count:
            return np.zeros(1)
        half = len(self.leaves[self.merges[node - count][0]])
        others = slice(half, None) if leaf in leaves[:half] else slice(None, half)
        ways = np.full(len(leaves), np.inf)
        ways[others] = self.shortest[leaf, leaves[others]]
        return ways

    def path(self, first: int, last: int) -> list[int]:
        """Return all leaves in the order of the shortest way with these ends."""
        count, order = len(self.distances), []
        waiting = [(len(self.leaves) - 1, first, last)]
        while waiting:
            node, begin, end = waiting.pop()
            if node < count:
                order.append(node)
                continue
            first_child, last_child = self.merges[node - count]
            if begin in self.leaves[last_child]:
                first_child, last_child = last_child, first_child
            between = self.distances[np.ix_(self.leaves[first_child], self.leaves[last_child])]
            ways = self._ways_from(first_child, begin)[:, None] + between + self._ways_from(last_child, end)
            step = np.unravel_index(ways.argmin(), ways.shape)
            waiting += [
                (last_child, int(self.leaves[last_child][step[1]]), end),
                (first_child, begin, int(self.leaves[first_child][step[0]])),
            ]
        return order
