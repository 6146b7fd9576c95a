"""What the run folder records of a data set: channel statistics, class counts, a sum of its contents."""

import hashlib

import numpy as np

from kcifar.datasets.dataset import Dataset

# Images looked at once; the whole set is never copied.
_CHUNK = 1000


def channel_statistics(images: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of each channel over the chosen images, on the scale 0..1.

    Every value is counted, so both come from exact sums.

    Args:
        images: uint8 (count, height, width, 3).
        indices: int (chosen,), at least one.
    Returns:
        Mean and standard deviation (of the population), float64 (3,) each.
    """
    counts = np.zeros((3, 256), np.int64)
    for start in range(0, len(indices), _CHUNK):
        chunk = images[indices[start : start + _CHUNK]]
        for channel in range(3):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = [row @ (values - centre) ** 2 / row.sum() for row, centre in zip(counts, mean, strict=True)]
    return mean, np.sqrt(variance)


def class_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return how many images each class has, int64 (num_classes,)."""
    return np.bincount(labels, minlength=num_classes).astype(np.int64)


def content_sha256(dataset: Dataset) -> str:
    """Return one sum for class names, images and labels of all parts: the same from whichever source they were loaded."""
    total = hashlib.sha256("\n".join(dataset.class_names).encode())
    for title, part in dataset.parts().items():
        for array in (part.images, part.labels.astype("<i8")):
            total.update(f"\n{title} {array.shape}\n".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
