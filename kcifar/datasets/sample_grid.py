"""A picture of sample images of each class."""

from pathlib import Path

import numpy as np

from kcifar.datasets.dataset import Dataset
from kcifar.datasets.statistics import count_classes

IMAGES_PER_CLASS = 12
MAX_CLASSES = 100


def save_sample_grid(dataset: Dataset, path: Path) -> None:
    """Draw training images of every class, one row per class, and write them as PNG or SVG.

    Args:
        dataset: If it has more than `MAX_CLASSES` classes, the first ones are drawn.
        path: Path of the picture.
    """
    from kcifar.pictures.image_grid import Grid, GridCell, GridRow, save_grid

    counts = count_classes(dataset.train.labels, len(dataset.class_names))
    rows = tuple(
        GridRow(
            (name, f"{counts[label]:,} images"), tuple(GridCell(dataset.train.images[index]) for index in select_samples(dataset.train.labels, label))
        )
        for label, name in enumerate(dataset.class_names[:MAX_CLASSES])
    )
    hidden = len(dataset.class_names) - len(rows)
    more = f"; {hidden} more classes are not shown" if hidden else ""
    text = f"Training images, evenly spaced over each class{more}."
    save_grid(Grid(f"{dataset.name}: {len(dataset.class_names)} classes", text, rows), path)


def select_samples(labels: np.ndarray, label: int) -> np.ndarray:
    """Return the indices of at most `IMAGES_PER_CLASS` images of a class, evenly spaced from its first to its last, int64."""
    members = np.flatnonzero(labels == label)
    places = np.linspace(0, len(members) - 1, min(IMAGES_PER_CLASS, len(members))).round().astype(np.int64)
    return members[places]
