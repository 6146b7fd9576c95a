"""Formulas for a confusion matrix: fractions of the true class, an order with similar classes side by side, the most confused pairs."""

import numpy as np

from kcifar.reporting.stats.leaf_order import average_linkage, optimal_leaf_order

_TIE = 1e-9  # added distance per label in between; far smaller than differences of fractions


def normalize_rows(matrix: np.ndarray) -> np.ndarray:
    """Return each row of a confusion matrix divided by its sum: the fractions of a class predicted as each class.

    Args:
        matrix: int (classes, classes), images by true class (row) and predicted class (column).
    Returns:
        float64 (classes, classes) in [0, 1]; rows sum to 1; rows of classes without images are 0.
    Example:
        >>> normalize_rows(np.array([[3, 1], [0, 0]])).tolist()
        [[0.75, 0.25], [0.0, 0.0]]
    """
    support = matrix.sum(axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(support, 1), np.float64)


def order_by_similarity(matrix: np.ndarray) -> np.ndarray:
    """Return the classes in an order that puts often confused classes side by side.

    The distance of two classes is d_ij = 1 - (s_ij + s_ji) / 2, with s the fractions of the true class; of equal distances, those between
    closer labels count as smaller. Classes are joined by average linkage (UPGMA). Of all leaf orders that this tree allows, the one with
    the smallest sum of distances between neighbors is returned, starting at the end with the lower label.

    Args:
        matrix: int (classes, classes), images by true class (row) and predicted class (column).
    Returns:
        int64 (classes,), each label once; in ascending order if no classes are confused.
    Example:
        >>> order_by_similarity(np.array([[5, 0, 4], [0, 9, 0], [3, 0, 6]])).tolist()
        [0, 2, 1]
    """
    count = len(matrix)
    if count < 3:
        return np.arange(count)
    fractions, labels = normalize_rows(matrix), np.arange(count)
    distances = 1 - (fractions + fractions.T) / 2 + _TIE * np.abs(labels - labels[:, None])
    order = np.array(optimal_leaf_order(average_linkage(distances), distances))
    return np.asarray(order if order[0] < order[-1] else order[::-1])


def rank_confused_pairs(matrix: np.ndarray) -> np.ndarray:
    """Return the confused pairs of classes, those with the most images first, ties by label.

    Args:
        matrix: int (classes, classes), images by true class (row) and predicted class (column).
    Returns:
        int64 (pairs, 2), true and predicted class of each non-empty cell off the diagonal; the two directions are separate pairs.
    Example:
        >>> rank_confused_pairs(np.array([[8, 1, 1], [2, 7, 1], [0, 0, 10]])).tolist()
        [[1, 0], [0, 1], [0, 2], [1, 2]]
    """
    pairs = np.argwhere((matrix > 0) & ~np.eye(len(matrix), dtype=bool))
    return np.asarray(pairs[np.argsort(-matrix[pairs[:, 0], pairs[:, 1]], kind="stable")])


def rank_unordered_pairs(errors: np.ndarray) -> list[tuple[int, int, int]]:
    """Return each pair of confused classes with the sum of errors in both directions; most errors first, ties by label.

    Args:
        errors: int64 (classes, classes), images by true and predicted class, with an empty diagonal.
    Returns:
        Triples (first, second, images), first < second.
    """
    both = np.triu(errors + errors.T)
    first, second = np.nonzero(both)
    images = both[first, second]
    order = np.lexsort((second, first, -images))
    return [(int(first[k]), int(second[k]), int(images[k])) for k in order]
