"""Near-duplicates counted by split, and listed as CSV.

A similarity tells copies from other images only where few images reach it. Handwritten digits of one class all look alike: at the usual
similarity, 1,419 of 1,437 training images have a "near-duplicate", and none is a copy. So pairs of such a class are not counted.
"""

import csv
import io
from collections.abc import Iterator
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.files import write_text
from kcifar.datasets.dataset import Dataset
from kcifar.datasets.duplicates import Duplicates

PAIR_COLUMNS = ("part", "index", "class", "other_part", "other_index", "other_class", "similarity", "exact", "label_conflict", "alike")
# In CIFAR-100, which is known for them, 10 % of the test images have a near-duplicate (Barz and Denzler, see `duplicates`).
MAX_FRACTION = 0.25
# Of fewer images a fraction means little.
_MIN_IMAGES = 20


def find_alike_classes(dataset: Dataset, duplicates: Duplicates) -> np.ndarray:
    """Return the labels of the classes whose images are alike as a whole, so that the similarity does not tell which are copies.

    Those are the classes of at least 20 images of which more than a quarter have a near-duplicate of the same class that is not an
    exact copy; smaller classes are alike if all together are, by the same rule.

    Returns:
        int64, ascending.
    """
    _, labels, _ = _number_images(dataset)
    counted = (labels[duplicates.first] == labels[duplicates.second]) & ~duplicates.exact
    has_similar = np.zeros(len(labels), np.bool_)
    has_similar[duplicates.first[counted]] = has_similar[duplicates.second[counted]] = True
    classes = len(dataset.class_names)
    sizes, similar = (np.bincount(values, minlength=classes) for values in (labels, labels[has_similar]))
    is_small = sizes < _MIN_IMAGES
    is_alike = similar > MAX_FRACTION * sizes
    is_alike[is_small] = sizes[is_small].sum() >= _MIN_IMAGES and similar[is_small].sum() > MAX_FRACTION * sizes[is_small].sum()
    return np.flatnonzero(is_alike & (sizes > 0))


def count_duplicates(dataset: Dataset, duplicates: Duplicates) -> list[dict[str, Any]]:
    """Count near-duplicates within each split and between each two splits; of classes whose images are alike, only exact copies.

    Returns:
        One row for each: `parts` (the names of two splits, or the same name twice), `pairs`, `exact` (pairs of copies), `images`
        (between splits: images of the second that have a near-duplicate in the first; within a split: images that have any),
        `label_conflicts` (pairs with different labels).
    """
    owners, labels, _ = _number_images(dataset)
    duplicates = _select(duplicates, ~_are_alike(dataset, duplicates))
    first_owners, second_owners = owners[duplicates.first], owners[duplicates.second]
    names = list(dataset.splits())
    rows = []
    for first, second in combinations_with_replacement(range(len(names)), 2):
        chosen = (first_owners == first) & (second_owners == second)
        images = [duplicates.second[chosen], *([duplicates.first[chosen]] if first == second else [])]
        rows.append(
            {
                "parts": [names[first], names[second]],
                "pairs": int(chosen.sum()),
                "exact": int((chosen & duplicates.exact).sum()),
                "images": len(np.unique(np.concatenate(images))),
                "label_conflicts": int((chosen & (labels[duplicates.first] != labels[duplicates.second])).sum()),
            }
        )
    return rows


def _are_alike(dataset: Dataset, duplicates: Duplicates) -> np.ndarray:
    """Return which pairs say nothing, since a class of theirs is alike as a whole and they are no exact copies; bool (pairs,)."""
    _, labels, _ = _number_images(dataset)
    alike = np.isin(labels, find_alike_classes(dataset, duplicates))
    return np.asarray((alike[duplicates.first] | alike[duplicates.second]) & ~duplicates.exact)


def _select(duplicates: Duplicates, chosen: np.ndarray) -> Duplicates:
    first, second, similarity, exact = (values[chosen] for values in (duplicates.first, duplicates.second, duplicates.similarity, duplicates.exact))
    return Duplicates(first, second, similarity, exact, duplicates.complete)


def write_pairs(dataset: Dataset, duplicates: Duplicates, path: Path) -> None:
    """Write all pairs as CSV, the most similar first; indices count from 0 within their split, `alike` marks pairs that are not counted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PAIR_COLUMNS)
    writer.writerows(_iterate_rows(dataset, duplicates))
    write_text(path, text.getvalue())


def _iterate_rows(dataset: Dataset, duplicates: Duplicates) -> Iterator[tuple[Any, ...]]:
    owners, labels, indices = _number_images(dataset)
    names = list(dataset.splits())
    alike = _are_alike(dataset, duplicates)

    def describe_image(number: int) -> tuple[str, int, str]:
        return names[owners[number]], int(indices[number]), dataset.class_names[labels[number]]

    for k in np.argsort(-duplicates.similarity, kind="stable"):
        first, second = int(duplicates.first[k]), int(duplicates.second[k])
        exact, conflict = bool(duplicates.exact[k]), bool(labels[first] != labels[second])
        similarity = f"{duplicates.similarity[k]:.4f}"
        yield *describe_image(first), *describe_image(second), similarity, *(str(flag).lower() for flag in (exact, conflict, bool(alike[k])))


def _number_images(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for every image the number of its split, its label and its index in the split, int64 each, splits in their order."""
    splits = list(dataset.splits().values())
    owners = np.repeat(np.arange(len(splits)), [len(split) for split in splits])
    return owners, np.concatenate([split.labels for split in splits]), np.concatenate([np.arange(len(split)) for split in splits])
