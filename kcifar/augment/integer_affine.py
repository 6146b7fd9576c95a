"""Affine maps with integer coordinates: the same pixels on every machine."""

from typing import Any, NamedTuple

from kcifar.augment.arguments import Interpolation
from kcifar.augment.resampling import SourcePoints, sample_bilinear, take_pixels
from kcifar.augment.transformation_space import UNITS_PER_PIXEL, TableColumn
from kcifar.core.lazy import keras

_FRACTION_BITS = 8  # Two fractions and a gray level fill the 24 bits of a float32, so bilinear sums are exact.


class Resampling(NamedTuple):
    """How an image is read between and beyond its pixels."""

    interpolation: Interpolation
    fill_value: float  # gray level beyond the image


def warp(images: Any, rows: Any, resampling: Resampling) -> Any:
    """Return the images, read at the places that their rows define.

    Args:
        images: float32 tensor (batch, height, width, channels).
        rows: int32 tensor (batch, 11), see `TableColumn`. The identity's row keeps every bit.
        resampling: With `nearest` the result is Pillow's; with `bilinear` coordinates are rounded to 256ths of a pixel.
    Returns:
        float32 tensor of the same shape; whole levels with `nearest`, and in any case the same on every backend.
    """
    x = _compute_coordinates(images, rows, (TableColumn.XX, TableColumn.XY, TableColumn.X0))
    y = _compute_coordinates(images, rows, (TableColumn.YX, TableColumn.YY, TableColumn.Y0))
    if resampling.interpolation == "nearest":
        return _take_nearest(images, x, y, resampling.fill_value)
    return sample_bilinear(images, _make_points(x), _make_points(y), "constant", resampling.fill_value)


def _compute_coordinates(images: Any, rows: Any, columns: tuple[TableColumn, TableColumn, TableColumn]) -> Any:
    """Return where each pixel is read along one axis, from the border of the image, in 65536ths; int32 (batch, height, width)."""
    ops = keras.ops
    _, height, width, _ = images.shape
    by_x, by_y, start = (rows[:, column][:, None, None] for column in columns)
    return by_x * ops.arange(width, dtype="int32")[None, None, :] + by_y * ops.arange(height, dtype="int32")[None, :, None] + start


def _take_nearest(images: Any, x: Any, y: Any, fill_value: float) -> Any:
    ops = keras.ops
    _, height, width, _ = images.shape
    # A border of one constant pixel on all sides represents everything beyond the image.
    bordered = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill_value)
    column = ops.clip(ops.right_shift(x, 16) + 1, 0, width + 1)
    row = ops.clip(ops.right_shift(y, 16) + 1, 0, height + 1)
    return take_pixels(bordered, column, row)


def _make_points(coordinates: Any) -> SourcePoints:
    """Return the pixels to the left and the fractions of the pixels to the right, from center to center."""
    ops = keras.ops
    fine = ops.right_shift(coordinates - UNITS_PER_PIXEL // 2 + (1 << (15 - _FRACTION_BITS)), 16 - _FRACTION_BITS)
    fraction = ops.bitwise_and(fine, (1 << _FRACTION_BITS) - 1)
    return SourcePoints(ops.right_shift(fine, _FRACTION_BITS), ops.cast(fraction, "float32") / (1 << _FRACTION_BITS))
