"""A data set from arrays that are already in memory, for notebooks and for .npz files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.dataset import Dataset, Part

Pair = tuple[ArrayLike, ArrayLike]

# Images checked at once: the temporary copies stay small beside the images.
_CHUNK = 1000


def from_arrays(
    train: Pair,
    test: Pair | None = None,
    validation: Pair | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
) -> Dataset:
    """Make a data set of pairs (images, labels).

    Args:
        train: images (count, height, width[, 1 or 3]), integers 0..255 of any number type, grey repeated to three channels;
            labels, integers from 0, (count,) or (count, 1). uint8 images of three channels are used as they are, not copied.
        test: The held-out part, or None.
        validation: A part of its own for validation, or None: it is split off `train`.
        class_names: One for each label; None: the labels' numbers up to the largest.
        name: What tables and messages call the data set.
    Raises:
        UserError: Anything else, by part; images in [0, 1] too, since they were scaled by someone already.
    Example:
        >>> images, labels = np.zeros((4, 32, 32), np.uint8), [0, 1, 0, 1]
        >>> from_arrays((images, labels)).class_names
        ('0', '1')
    """
    given = {"train": train, "validation": validation, "test": test}
    parts = {title: _part(pair, f"data set {name}: {title}") for title, pair in given.items() if pair is not None}
    if class_names is None:
        class_names = [str(label) for label in range(1 + max(int(part.labels.max(initial=0)) for part in parts.values()))]
    return Dataset(name, tuple(map(str, class_names)), parts["train"], parts.get("test"), parts.get("validation"))


def as_images(images: ArrayLike, place: str) -> np.ndarray:
    """Return images as uint8 (count, height, width, 3), the same memory where they are that already."""
    found = np.asarray(images)
    if found.ndim == 3:
        found = found[..., np.newaxis]
    if found.ndim != 4 or found.shape[3] not in (1, 3):
        hint = "; put the channels last" if found.ndim == 4 and found.shape[1] in (1, 3) else ""
        raise UserError(f"{place}: expected images (count, height, width[, 1 or 3]), got {np.shape(images)}{hint}")
    if found.dtype != np.uint8:
        found = _as_bytes(found, place)
    if found.shape[3] == 1:
        found = np.repeat(found, 3, axis=3)
    return np.ascontiguousarray(found)


def as_labels(labels: ArrayLike, place: str) -> np.ndarray:
    """Return labels as int64 (count,)."""
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or found.dtype.kind not in "iu":
        hint = "; one-hot rows become labels by argmax(axis=1)" if found.ndim == 2 else ""
        raise UserError(f"{place}: expected integer labels (count,) or (count, 1), got {found.dtype} {np.shape(labels)}{hint}")
    return np.ascontiguousarray(found, np.int64)


def _part(pair: Pair, place: str) -> Part:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise UserError(f"{place}: expected a pair (images, labels), got {one_line(type(pair).__name__)}")
    return Part(as_images(pair[0], f"{place} images"), as_labels(pair[1], f"{place} labels"))


def _as_bytes(images: np.ndarray, place: str) -> np.ndarray:
    """Convert images of another number type, provided that not one value changes."""
    if images.dtype.kind not in "iuf":
        raise UserError(f"{place}: expected numbers from 0 to 255, got {images.dtype}")
    converted = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        lowest, highest = chunk.min(initial=0), chunk.max(initial=0)
        if not (lowest >= 0 and highest <= 255) or (chunk != np.floor(chunk)).any():
            raise UserError(f"{place}: expected whole numbers from 0 to 255, got {images.dtype} from {lowest:g} to {highest:g}")
        converted[start : start + _CHUNK] = chunk
    if images.dtype.kind == "f" and converted.max(initial=0) <= 1:
        raise UserError(f"{place}: expected whole numbers from 0 to 255, got {images.dtype} from 0 to 1; multiply by 255 and round")
    return converted
