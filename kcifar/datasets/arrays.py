"""A data set from arrays in memory, for notebooks and for .npz files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.array_hints import convert_to_array, suggest_labels, suggest_scale, suggest_shape, suggest_type
from kcifar.datasets.dataset import Dataset, Split

ImagesAndLabels = tuple[ArrayLike, ArrayLike]

# Images checked at once, so that temporary copies stay small compared with the images.
_CHUNK = 1000


def from_arrays(
    train: ImagesAndLabels,
    test: ImagesAndLabels | None = None,
    validation: ImagesAndLabels | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
) -> Dataset:
    """Make a data set from pairs (images, labels).

    Args:
        train: images (count, height, width[, 1 or 3]), integers 0..255 of any number type, gray repeated to three channels;
            labels, integers from 0, (count,) or (count, 1). uint8 images of three channels are used as they are, not copied.
        test: The test split, or None.
        validation: A separate validation split, or None: it is split off `train`.
        class_names: One per label; None: the numbers of the labels, up to the largest.
        name: The name of the data set in tables and messages.
    Raises:
        UserError: Anything else, with the split that is wrong; also for images of 0 and 1 only, which are scaled already.
    Example:
        >>> images, labels = np.zeros((4, 32, 32), np.uint8), [0, 1, 0, 1]
        >>> from_arrays((images, labels)).class_names
        ('0', '1')
    """
    others = {title: pair for title, pair in (("validation", validation), ("test", test)) if pair is not None}
    splits = {title: make_split(pair, f"data set {name}: {title}") for title, pair in {"train": train, **others}.items()}
    if class_names is None:
        class_names = [str(label) for label in range(1 + max(int(split.labels.max(initial=0)) for split in splits.values()))]
    return Dataset(name, tuple(map(str, class_names)), splits["train"], splits.get("test"), splits.get("validation"))


def convert_images(images: ArrayLike, place: str) -> np.ndarray:
    """Return images as uint8 (count, height, width, 3); images of that form are not copied."""
    array = convert_to_array(images, f"{place}: expected images of one shape", "resize them to one size first")
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[3] not in (1, 3):
        hint = suggest_shape(array.shape)
        raise UserError(f"{place}: expected images (count, height, width[, 1 or 3]), got {array.shape}{hint}")
    if array.dtype != np.uint8:
        array = _convert_to_uint8(array, place)
    if _find_peak(array) == 1:
        raise UserError(f"{place}: expected whole numbers from 0 to 255, got only 0 and 1; multiply by 255")
    if array.shape[3] == 1:
        array = np.repeat(array, 3, axis=3)
    return np.ascontiguousarray(array)


def convert_labels(labels: ArrayLike, place: str) -> np.ndarray:
    """Return labels as int64 (count,)."""
    array = convert_to_array(labels, f"{place}: expected integer labels (count,) or (count, 1)", "give each image one number")
    shape = array.shape
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UserError(f"{place}: expected integer labels (count,) or (count, 1), got {array.dtype} {shape}{suggest_labels(array)}")
    return np.ascontiguousarray(array, np.int64)


def make_split(pair: ImagesAndLabels, place: str) -> Split:
    """Return a pair (images, labels) as a split; see `from_arrays`."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise UserError(f"{place}: expected a pair (images, labels), got {one_line(type(pair).__name__)}")
    return Split(convert_images(pair[0], f"{place} images"), convert_labels(pair[1], f"{place} labels"))


def _convert_to_uint8(images: np.ndarray, place: str) -> np.ndarray:
    """Convert images of another number type, provided that no value changes."""
    if images.dtype.kind not in "iuf":
        raise UserError(f"{place}: expected numbers from 0 to 255, got {images.dtype}{suggest_type(images.dtype)}")
    converted = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        lowest, highest = chunk.min(initial=0), chunk.max(initial=0)
        if not (lowest >= 0 and highest <= 255) or (chunk != np.floor(chunk)).any():
            lowest, highest = images.min(), images.max()
            raise UserError(
                f"{place}: expected whole numbers from 0 to 255, got {images.dtype} from {lowest:g} to {highest:g}"
                f"{suggest_scale(images.dtype, float(lowest), float(highest))}"
            )
        converted[start : start + _CHUNK] = chunk
    return converted


def _find_peak(images: np.ndarray) -> int:
    """Return the largest value of uint8 images, or the first found above 1: usually, a few images are looked at."""
    peak = 0
    for start in range(0, len(images), _CHUNK):
        peak = max(peak, int(images[start : start + _CHUNK].max(initial=0)))
        if peak > 1:
            break
    return peak
