"""Long-tailed variants of any data set: the first class keeps all of its images, each further class a smaller fraction."""

import math

import numpy as np

from kcifar.core.randomness import Purpose, generator

# 5000 * 0.01 ** (9 / 9) must keep 50 images, not 49, however the power is rounded.
_ROUNDING = 1e-9


def select_long_tailed(labels: np.ndarray, indices: np.ndarray, num_classes: int, imbalance: float, split_seed: int) -> np.ndarray:
    """Return the images that a long-tailed training split keeps.

    Class k of the C classes that have images keeps n * imbalance ** (k / (C - 1)) images, rounded down, where n is the size of the
    largest class; but at least one image, and at most all that it has. The selection depends on `split_seed` alone: a smaller
    imbalance keeps a subset of the images that a larger one keeps.

    Args:
        labels: int (count,), class ids from 0, of all images that training may use.
        indices: int, indices of the training images among them.
        num_classes: Number of classes, with or without images.
        imbalance: Size of the smallest class over that of the largest, in (0, 1]; 1 keeps all images.
        split_seed: >= 0.
    Returns:
        int64, ascending, a subset of `indices`.
    Source: Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019,
        section 5.1; there the imbalance factor is the inverse, 1 / imbalance.
    """
    candidates = np.sort(indices).astype(np.int64)
    if imbalance == 1:
        return candidates
    draws = generator(Purpose.IMBALANCE, split_seed).random(len(labels))
    sizes = compute_class_sizes(np.bincount(labels[candidates], minlength=num_classes), imbalance)
    selected = []
    for label, size in enumerate(sizes):
        members = candidates[labels[candidates] == label]
        selected.append(members[np.argsort(draws[members], kind="stable")[:size]])
    return np.sort(np.concatenate(selected))


def compute_class_sizes(counts: np.ndarray, imbalance: float) -> list[int]:
    """Return the number of images that each class keeps; a class without images has no rank in the long tail.

    Args:
        counts: int (classes,), number of images in each class.
        imbalance: In (0, 1].
    Example:
        >>> compute_class_sizes(np.full(10, 5000), 0.01)
        [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    """
    largest, last = int(counts.max(initial=0)), max(1, np.count_nonzero(counts) - 1)
    ranks = np.maximum(np.cumsum(counts > 0) - 1, 0).tolist()
    sizes = [math.floor(largest * imbalance ** (rank / last) + _ROUNDING) for rank in ranks]
    return [min(int(count), max(1, size)) for count, size in zip(counts, sizes, strict=True)]
