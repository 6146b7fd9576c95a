"""Formulas over a confusion matrix: shares of the true class, an order that puts alike classes side by side, the most confused pairs."""

import numpy as np

from kcifar.reporting.stats.leaf_order import optimal_leaf_order

_TIE = 1e-9  # by which a class one label further away counts as more distant; far less than shares differ by


def normalize_rows(matrix: np.ndarray) -> np.ndarray:
    """Return each row of a confusion matrix divided by its sum: how the images of a class were called.

    Args:
        matrix: int (classes, classes), images by true class (row) and called class (column).
    Returns:
        float64 (classes, classes) in [0, 1]; rows sum to 1, those of classes without images are 0.
    Example:
        >>> normalize_rows(np.array([[3, 1], [0, 0]])).tolist()
        [[0.75, 0.25], [0.0, 0.0]]
    """
    support = matrix.sum(axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(support, 1), np.float64)


def order_by_similarity(matrix: np.ndarray) -> np.ndarray:
    """Return the classes in an order in which those that are often confused stand side by side.

    Two classes are the closer the larger the mean of their two shares: d_ij = 1 - (s_ij + s_ji) / 2, with s the shares of the true class;
    of equal distances those between neighbouring labels count as smaller. Classes are joined by average linkage (UPGMA); of all orders
    of leaves that this tree allows the one with the shortest way from neighbour to neighbour is taken, read from the end with the lower label.

    Args:
        matrix: int (classes, classes), images by true class (row) and called class (column).
    Returns:
        int64 (classes,), each label once; the labels in their own order where nothing is confused.
    Example:
        >>> order_by_similarity(np.array([[5, 0, 4], [0, 9, 0], [3, 0, 6]])).tolist()
        [0, 2, 1]
    """
    count = len(matrix)
    if count < 3:
        return np.arange(count)
    from scipy.cluster.hierarchy import linkage

    shares, labels = normalize_rows(matrix), np.arange(count)
    distances = 1 - (shares + shares.T) / 2 + _TIE * np.abs(labels - labels[:, None])
    merges = linkage(distances[np.triu_indices(count, 1)], "average")[:, :2].astype(np.int64)
    order = np.array(optimal_leaf_order(merges.tolist(), distances))
    return np.asarray(order if order[0] < order[-1] else order[::-1])


def rank_confused_pairs(matrix: np.ndarray) -> np.ndarray:
    """Return the pairs of classes that were confused, those with the most images first, ties in the order of the labels.

    Args:
        matrix: int (classes, classes), images by true class (row) and called class (column).
    Returns:
        int64 (pairs, 2), true and called class of each non-empty cell off the diagonal; both directions of a pair are pairs of their own.
    Example:
        >>> rank_confused_pairs(np.array([[8, 1, 1], [2, 7, 1], [0, 0, 10]])).tolist()
        [[1, 0], [0, 1], [0, 2], [1, 2]]
    """
    pairs = np.argwhere((matrix > 0) & ~np.eye(len(matrix), dtype=bool))
    return np.asarray(pairs[np.argsort(-matrix[pairs[:, 0], pairs[:, 1]], kind="stable")])


def rank_unordered_pairs(mistakes: np.ndarray) -> list[tuple[int, int, int]]:
    """Return each pair of classes that are confused, with the mistakes of both directions together; most mistakes first, ties by label.

    Args:
        mistakes: int64 (classes, classes), images by true and called class, with an empty diagonal.
    Returns:
        Triples (first, second, images), first < second.
    """
    both = np.triu(mistakes + mistakes.T)
    first, second = np.nonzero(both)
    images = both[first, second]
    order = np.lexsort((second, first, -images))
    return [(int(first[k]), int(second[k]), int(images[k])) for k in order]
