"""Sample images of each class, as a picture."""

from pathlib import Path

import numpy as np

from kcifar.datasets.dataset import Dataset
from kcifar.datasets.statistics import class_counts

SAMPLES = 12  # of each class
MOST_CLASSES = 100


def save_samples(dataset: Dataset, path: Path) -> None:
    """Draw training images of every class, a row a class, and write them as PNG or SVG.

    Args:
        dataset: Of more than `MOST_CLASSES` classes the first are shown.
        path: Where the picture goes.
    """
    from kcifar.pictures.image_grid import Grid, GridCell, GridRow, save_grid

    counts = class_counts(dataset.train.labels, len(dataset.class_names))
    rows = tuple(
        GridRow(
            (name, f"{counts[label]:,} images"), tuple(GridCell(dataset.train.images[index]) for index in sample_indices(dataset.train.labels, label))
        )
        for label, name in enumerate(dataset.class_names[:MOST_CLASSES])
    )
    hidden = len(dataset.class_names) - len(rows)
    more = f"; {hidden} more classes are not shown" if hidden else ""
    text = f"Training images, evenly spaced over each class{more}."
    save_grid(Grid(f"{dataset.name}: {len(dataset.class_names)} classes", text, rows), path)


def sample_indices(labels: np.ndarray, label: int) -> np.ndarray:
    """Return at most `SAMPLES` images of a class, evenly spaced from its first to its last, int64."""
    members = np.flatnonzero(labels == label)
    places = np.linspace(0, len(members) - 1, min(SAMPLES, len(members))).round().astype(np.int64)
    return members[places]
