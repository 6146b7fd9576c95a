"""Affine maps in whole numbers: the same pixels on every machine."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from kcifar.augment.changes import PIXEL, Column
from kcifar.augment.resampling import Points, bilinear, whole_pixels
from kcifar.core.lazy import keras

Interpolation = Literal["nearest", "bilinear"]
GreyLevel = Annotated[float, Field(ge=0, le=255)]

_SHARES = 8  # bits of a share: two of them and a grey level fill the 24 bits of a float32, so bilinear sums are exact.


class Sampling(NamedTuple):
    """How an image is read between and beyond its pixels."""

    interpolation: Interpolation
    fill_value: float  # grey level beyond the image


def warp(images: Any, rows: Any, sampling: Sampling) -> Any:
    """Return the images read where their rows say.

    Args:
        images: float32 tensor (batch, height, width, channels).
        rows: int32 tensor (batch, 11), see `changes.Column`. The identity's leaves every bit as it is.
        sampling: With `nearest` the result is Pillow's; with `bilinear` coordinates are rounded to 256ths of a pixel.
    Returns:
        float32 tensor of the same shape; whole levels with `nearest`, and in any case the same on every backend.
    """
    columns = _coordinates(images, rows, (Column.XX, Column.XY, Column.X0))
    lines = _coordinates(images, rows, (Column.YX, Column.YY, Column.Y0))
    if sampling.interpolation == "nearest":
        return _nearest(images, columns, lines, sampling.fill_value)
    return bilinear(images, _points(columns), _points(lines), "constant", sampling.fill_value)


def _coordinates(images: Any, rows: Any, columns: tuple[Column, Column, Column]) -> Any:
    """Return where each pixel is read along one axis, from the border of the image, in 65536ths; int32 (batch, height, width)."""
    ops = keras.ops
    _, height, width, _ = images.shape
    by_x, by_y, start = (rows[:, column][:, None, None] for column in columns)
    return by_x * ops.arange(width, dtype="int32")[None, None, :] + by_y * ops.arange(height, dtype="int32")[None, :, None] + start


def _nearest(images: Any, columns: Any, lines: Any, fill_value: float) -> Any:
    ops = keras.ops
    _, height, width, _ = images.shape
    # One pixel of the constant all round stands for all that is beyond.
    bordered = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill_value)
    column = ops.clip(ops.right_shift(columns, 16) + 1, 0, width + 1)
    line = ops.clip(ops.right_shift(lines, 16) + 1, 0, height + 1)
    return whole_pixels(bordered, column, line)


def _points(coordinates: Any) -> Points:
    """Return the pixels to the left and the shares of those to the right, from middle to middle."""
    ops = keras.ops
    fine = ops.right_shift(coordinates - PIXEL // 2 + (1 << (15 - _SHARES)), 16 - _SHARES)
    share = ops.bitwise_and(fine, (1 << _SHARES) - 1)
    return Points(ops.right_shift(fine, _SHARES), ops.cast(share, "float32") / (1 << _SHARES))
