"""What a data set holds: counts, balance, channel statistics, near-duplicates and labels that contradict each other."""

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
from kcifar.datasets.statistics import channel_statistics, class_counts, content_sha256

COLUMNS = ("part", "index", "class", "other_part", "other_index", "other_class", "similarity", "exact", "label_conflict")


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return plain containers: `name`, `image_shape`, `class_names`, `counts`, `class_counts`, `channel_mean`, …

    Means and deviations are those of the training part, on the scale 0..1, in the order red, green, blue.
    """
    parts = dataset.parts()
    mean, deviation = channel_statistics(dataset.train.images, np.arange(len(dataset.train)))
    return {
        "name": dataset.name,
        "image_shape": list(dataset.image_shape),
        "class_names": list(dataset.class_names),
        "counts": {title: len(part) for title, part in parts.items()},
        "class_counts": {title: class_counts(part.labels, len(dataset.class_names)).tolist() for title, part in parts.items()},
        "channel_mean": mean.tolist(),
        "channel_deviation": deviation.tolist(),
        "content_sha256": content_sha256(dataset),
        "notes": list(dataset.notes),
    }


def count_duplicates(dataset: Dataset, found: Duplicates) -> list[dict[str, Any]]:
    """Count near-duplicates within each part and between each two.

    Returns:
        A row for each: `parts` (two names, the same one within a part), `pairs`, `exact` (pairs of copies), `images` (between
        parts: those of the second that have a near-duplicate in the first; within one: those that have any), `label_conflicts`
        (pairs of different labels).
    """
    names, labels, _ = _all_images(dataset)
    first, second = names[found.first], names[found.second]
    rows = []
    for one, other in combinations_with_replacement(range(len(dataset.parts())), 2):
        chosen = (first == one) & (second == other)
        twins = [found.second[chosen], *([found.first[chosen]] if one == other else [])]
        titles = list(dataset.parts())
        rows.append(
            {
                "parts": [titles[one], titles[other]],
                "pairs": int(chosen.sum()),
                "exact": int((chosen & found.exact).sum()),
                "images": len(np.unique(np.concatenate(twins))),
                "label_conflicts": int((chosen & (labels[found.first] != labels[found.second])).sum()),
            }
        )
    return rows


def write_duplicates(dataset: Dataset, found: Duplicates, path: Path) -> None:
    """Write the list of near-duplicates as CSV, the most similar first; indices count from 0 within their part."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(dataset, found))
    write_text(path, text.getvalue())


def _rows(dataset: Dataset, found: Duplicates) -> Iterator[tuple[Any, ...]]:
    owners, labels, indices = _all_images(dataset)
    titles = list(dataset.parts())

    def image(number: int) -> tuple[str, int, str]:
        return titles[owners[number]], int(indices[number]), dataset.class_names[labels[number]]

    for k in np.argsort(-found.similarity, kind="stable"):
        one, other = int(found.first[k]), int(found.second[k])
        conflict = labels[one] != labels[other]
        yield *image(one), *image(other), f"{found.similarity[k]:.4f}", str(bool(found.exact[k])).lower(), str(bool(conflict)).lower()


def _all_images(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number of the part, label and index in the part of every image, int64 each, parts in their order."""
    parts = list(dataset.parts().values())
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return owners, np.concatenate([part.labels for part in parts]), np.concatenate([np.arange(len(part)) for part in parts])
