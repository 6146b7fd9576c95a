"""Test-time views: the logits of an image averaged over its mirror image and small shifts. Results with and without views are reported apart."""

from collections.abc import Callable

import numpy as np

# For each number of views: by how many pixels moved down and right, whether then mirrored, and the view's weight. The six views are those of
# airbench94 (Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, section 3.5; `infer_mirror_translate` in its code): half the
# weight on the center pair, a quarter on each moved pair. Each pair is an image and its mirror image, so it is moved before it is mirrored.
VIEWS: dict[int, list[tuple[int, bool, float]]] = {
    2: [(0, False, 0.5), (0, True, 0.5)],
    6: [(shift, mirrored, weight) for shift, weight in ((0, 0.25), (-1, 0.125), (1, 0.125)) for mirrored in (False, True)],
}
# Images transformed at once: 1,024 of 224x224x3 take 154 MB.
CHUNK = 1024

Logits = Callable[[np.ndarray, np.ndarray], np.ndarray]


def average_logits_over_views(logits: Logits, images: np.ndarray, indices: np.ndarray, views: int) -> np.ndarray:
    """Return the weighted mean of the logits of some images over their views, float32 (len(indices), classes).

    Args:
        logits: Gives the logits of the images of an array at some indices.
        images: uint8 (count, height, width, 3).
        indices: Which of them, in the order of the result.
        views: 2 or 6.
    """
    chunks = (images[indices[first : first + CHUNK]] for first in range(0, len(indices), CHUNK))
    return np.concatenate([_average_chunk(logits, chunk, views) for chunk in chunks])


def _average_chunk(logits: Logits, images: np.ndarray, views: int) -> np.ndarray:
    indices = np.arange(len(images))
    weighted = [weight * logits(_make_view(images, shift, mirrored), indices) for shift, mirrored, weight in VIEWS[views]]
    return np.asarray(np.sum(weighted, axis=0), np.float32)


def _make_view(images: np.ndarray, shift: int, mirrored: bool) -> np.ndarray:
    """Return images moved down and right by `shift` pixels, the border reflected, and then mirrored left to right."""
    moved = _move(images, shift)
    return moved[:, :, ::-1] if mirrored else moved


def _move(images: np.ndarray, shift: int) -> np.ndarray:
    height, width = images.shape[1:3]
    if not shift or min(height, width) < 2:
        return images
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    return padded[:, 1 - shift : 1 - shift + height, 1 - shift : 1 - shift + width]
