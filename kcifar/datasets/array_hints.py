"""What to do with arrays that are refused: the usual mistakes, recognized by shape, type and range of values."""

import numpy as np
from numpy.typing import ArrayLike

from kcifar.core.errors import UserError, one_line


def convert_to_array(values: ArrayLike, expected: str, advice: str) -> np.ndarray:
    """Return values as one array.

    Args:
        values: An array, or anything that NumPy makes one of.
        expected: How the message begins: the place and what is allowed.
        advice: How it ends.
    Raises:
        UserError: A list whose items have different shapes.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        array = None
    if array is None or array.dtype == object:
        raise UserError(f"{expected}, got {_describe_items(values)}; {advice}")
    return array


def _describe_items(values: ArrayLike) -> str:
    """Return the first two shapes of a list's items, each with its place; their types if the shapes are the same."""
    kinds: dict[str, int] = {}
    try:
        for number, value in enumerate(values):  # type: ignore[arg-type]
            kinds.setdefault(_describe_item(value), number)
    except TypeError:
        return one_line(type(values).__name__, 40)
    return " and ".join(f"{kind} at {number}" for kind, number in list(kinds.items())[:2]) or "nothing"


def _describe_item(value: object) -> str:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return "a list of different lengths"
    return f"{one_line(type(value).__name__, 40)}" if array.dtype == object else str(array.shape)


def suggest_shape(shape: tuple[int, ...]) -> str:
    """Return what to do with images of a shape that is not (count, height, width[, 1 or 3])."""
    if len(shape) == 4 and shape[1] in (1, 3):
        return "; put the channels last"
    if len(shape) == 4 and shape[3] == 4:
        return "; drop the alpha channel with images[..., :3]"
    if len(shape) == 2:
        for channels, form in ((1, "{0}, {0}"), (3, "{0}, {0}, 3")):
            side = round((shape[1] / channels) ** 0.5)
            if side and channels * side**2 == shape[1]:
                return f"; if each row is an image, reshape to (count, {form.format(side)})"
    return ""


def suggest_type(dtype: np.dtype) -> str:
    """Return what to do with images that are not numbers."""
    return "; convert with images.astype(np.uint8) * 255" if dtype.kind == "b" else ""


def suggest_scale(dtype: np.dtype, lowest: float, highest: float) -> str:
    """Return what to do with images whose values are not whole numbers from 0 to 255."""
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        return "; replace values that are no numbers"
    if lowest >= 0 and highest <= 1:
        return "; multiply by 255 and round"
    if lowest >= -1 and highest <= 1:
        return "; if 0 is the middle gray, add 1, multiply by 127.5 and round"
    if lowest >= 0 and highest > 255 and dtype.kind in "iu":
        return f"; if {int(highest).bit_length()} bits are significant, shift them with images >> {int(highest).bit_length() - 8}"
    return "; round them" if lowest >= 0 and highest <= 255 else "; undo the normalization: the recipe's input.normalization does it"


def suggest_labels(labels: np.ndarray) -> str:
    """Return what to do with labels that are not integers (count,) or (count, 1)."""
    if labels.ndim == 2:
        return "; convert one-hot rows with argmax(axis=1)"
    if labels.dtype.kind in "US":
        return "; number the classes from 0, and give their names as class_names"
    return "; convert with labels.astype(int)" if labels.ndim == 1 and labels.dtype.kind in "bf" else ""
