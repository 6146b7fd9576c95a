"""Near-duplicates counted by split, and listed as CSV."""

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

PAIR_COLUMNS = ("part", "index", "class", "other_part", "other_index", "other_class", "similarity", "exact", "label_conflict")


def count_duplicates(dataset: Dataset, duplicates: Duplicates) -> list[dict[str, Any]]:
    """Count near-duplicates within each split and between each two splits.

    Returns:
        One row for each: `parts` (the names of two splits, or the same name twice), `pairs`, `exact` (pairs of copies), `images`
        (between splits: images of the second that have a near-duplicate in the first; within a split: images that have any),
        `label_conflicts` (pairs with different labels).
    """
    owners, labels, _ = _number_images(dataset)
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


def write_pairs(dataset: Dataset, duplicates: Duplicates, path: Path) -> None:
    """Write the pairs of near-duplicates as CSV, the most similar first; indices count from 0 within their split."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PAIR_COLUMNS)
    writer.writerows(_iterate_rows(dataset, duplicates))
    write_text(path, text.getvalue())


def _iterate_rows(dataset: Dataset, duplicates: Duplicates) -> Iterator[tuple[Any, ...]]:
    owners, labels, indices = _number_images(dataset)
    names = list(dataset.splits())

    def describe_image(number: int) -> tuple[str, int, str]:
        return names[owners[number]], int(indices[number]), dataset.class_names[labels[number]]

    for k in np.argsort(-duplicates.similarity, kind="stable"):
        first, second = int(duplicates.first[k]), int(duplicates.second[k])
        exact, conflict = bool(duplicates.exact[k]), bool(labels[first] != labels[second])
        similarity = f"{duplicates.similarity[k]:.4f}"
        yield *describe_image(first), *describe_image(second), similarity, str(exact).lower(), str(conflict).lower()


def _number_images(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for every image the number of its split, its label and its index in the split, int64 each, splits in their order."""
    splits = list(dataset.splits().values())
    owners = np.repeat(np.arange(len(splits)), [len(split) for split in splits])
    return owners, np.concatenate([split.labels for split in splits]), np.concatenate([np.arange(len(split)) for split in splits])
