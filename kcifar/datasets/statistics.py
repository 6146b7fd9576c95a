"""Statistics of images and labels: mean and standard deviation of each channel, number of images in each class."""

import numpy as np

# Images processed at once; the complete set is never copied.
_CHUNK = 1000


def compute_channel_statistics(images: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel over the selected images, on the scale 0..1.

    Pixels are counted by value, so both come from exact sums.

    Args:
        images: uint8 (count, height, width, 3).
        indices: int (selected,), at least one.
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
    variance = [row @ (values - center) ** 2 / row.sum() for row, center in zip(counts, mean, strict=True)]
    return mean, np.sqrt(variance)


def count_classes(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the number of images in each class, int64 (num_classes,)."""
    return np.bincount(labels, minlength=num_classes).astype(np.int64)
