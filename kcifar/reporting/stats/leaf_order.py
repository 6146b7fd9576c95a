"""A tree of clusters, and the optimal order of its leaves: similar leaves side by side.

scipy.cluster.hierarchy.optimal_leaf_ordering does not always return it (scipy issue 11227, open as of version 1.17). Its `linkage` would do
for the tree, but to import it takes longer than to draw two figures.
"""

from collections.abc import Sequence

import numpy as np

Merges = Sequence[tuple[int, int]]


def average_linkage(distances: np.ndarray) -> Merges:
    """Return the tree that joins the two nearest clusters again and again (UPGMA): their distance is the mean over the pairs of their leaves.

    Args:
        distances: float (n, n), symmetric, n >= 2. Of equal distances, the first in the order of the rows counts as the smallest.
    Returns:
        The n - 1 pairs of joined clusters, the smaller number first: leaves are 0 to n - 1, and the i-th merge makes cluster n + i.
    Example:
        >>> line = np.array([3.0, 0.0, 1.0, 7.0])
        >>> average_linkage(abs(line[:, None] - line))
        [(1, 2), (0, 4), (3, 5)]

    Source: R. R. Sokal and C. D. Michener, A statistical method for evaluating systematic relationships, 1958.
    """
    count = len(distances)
    between = np.where(np.eye(count, dtype=bool), np.inf, distances)
    clusters, sizes = list(range(count)), np.ones(count)
    merges = []
    for made in range(count, 2 * count - 1):
        first, second = divmod(int(between.argmin()), count)
        merges.append((min(clusters[first], clusters[second]), max(clusters[first], clusters[second])))
        mean = (sizes[first] * between[first] + sizes[second] * between[second]) / (sizes[first] + sizes[second])
        between[first], between[:, first] = mean, mean
        between[second], between[:, second] = np.inf, np.inf
        between[first, first] = np.inf
        clusters[first], sizes[first] = made, sizes[first] + sizes[second]
    return merges


def optimal_leaf_order(merges: Merges, distances: np.ndarray) -> list[int]:
    """Return the leaf order with the shortest path from neighbor to neighbor, of all 2^(n - 1) orders that a tree allows by flipping its nodes.

    The shortest path through all leaves below a node that starts at leaf a of one child and ends at leaf b of the other has length
    W(a, b) = min over m, k of W(a, m) + d(m, k) + W(k, b), with m the last leaf of the first child and k the first leaf of the second.
    This takes O(n^3) steps: a second for a thousand leaves.

    Args:
        merges: The two children of each node, as `average_linkage` returns them.
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
    lengths = tree.compute_paths(2 * count - 2)
    first, last = np.unravel_index(lengths.argmin(), lengths.shape)
    return tree.trace_path(int(leaves[first]), int(leaves[last]))


class _Tree:
    """Leaves below each node, and the shortest paths through them.

    `shortest` is float (n, n): for two leaves, the length of the shortest path that starts at one and ends at the other, through all leaves
    of the smallest node that contains both. Each pair has exactly one such node, so one table serves all nodes.
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
        """Fill in the paths that start below one node and end below the other; the loops are over the smaller."""
        rows, columns = self.leaves[large], self.leaves[small]
        first, steps, last = self.compute_paths(large), self.distances[np.ix_(rows, columns)], self.compute_paths(small)
        reached = np.stack([(first + step).min(axis=1) for step in steps.T], axis=1)
        joined = np.stack([(reached + end).min(axis=1) for end in last.T], axis=1)
        self.shortest[np.ix_(rows, columns)] = joined
        self.shortest[np.ix_(columns, rows)] = joined.T

    def compute_paths(self, node: int) -> np.ndarray:
        """Return the lengths of the shortest paths through a node between its leaves, float (leaves, leaves); infinite within a child."""
        leaves, count = self.leaves[node], len(self.distances)
        if node < count:
            return np.zeros((1, 1))
        half = len(self.leaves[self.merges[node - count][0]])
        lengths = np.full((len(leaves), len(leaves)), np.inf)
        lengths[:half, half:] = self.shortest[np.ix_(leaves[:half], leaves[half:])]
        lengths[half:, :half] = lengths[:half, half:].T
        return lengths

    def _compute_paths_from(self, node: int, leaf: int) -> np.ndarray:
        """Return the row of a leaf in `compute_paths`."""
        leaves, count = self.leaves[node], len(self.distances)
        if node < count:
            return np.zeros(1)
        half = len(self.leaves[self.merges[node - count][0]])
        opposite = slice(half, None) if leaf in leaves[:half] else slice(None, half)
        lengths = np.full(len(leaves), np.inf)
        lengths[opposite] = self.shortest[leaf, leaves[opposite]]
        return lengths

    def trace_path(self, first: int, last: int) -> list[int]:
        """Return all leaves in the order of the shortest path with these ends."""
        count, order = len(self.distances), []
        pending = [(len(self.leaves) - 1, first, last)]
        while pending:
            node, begin, end = pending.pop()
            if node < count:
                order.append(node)
                continue
            first_child, last_child = self.merges[node - count]
            if begin in self.leaves[last_child]:
                first_child, last_child = last_child, first_child
            between = self.distances[np.ix_(self.leaves[first_child], self.leaves[last_child])]
            lengths = self._compute_paths_from(first_child, begin)[:, None] + between + self._compute_paths_from(last_child, end)
            step = np.unravel_index(lengths.argmin(), lengths.shape)
            pending += [
                (last_child, int(self.leaves[last_child][step[1]]), end),
                (first_child, begin, int(self.leaves[first_child][step[0]])),
            ]
        return order
