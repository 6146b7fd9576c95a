"""Augmentations that move pixels: affine maps and flips."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.lazy import keras

Share = Annotated[float, Field(ge=0, lt=1)]
Fill = Literal["nearest", "reflect", "constant", "wrap"]


@AUGMENTATIONS.register("random_affine")
@dataclass(frozen=True)
class RandomAffine:
    """Rotate about the middle and shift, with one bilinear resampling: what `ImageDataGenerator.apply_transform` does.

    The pixel at offset (x, y) from the middle of the result is read at R (x + tx, y + ty) from the middle of the image, R being
    the rotation by the angle: x runs to the right, y down, the middle lies at width / 2 - 0.5 and height / 2 - 0.5.

    Draws: angle in degrees, uniform in +-rotation; tx in pixels, uniform in +-width_shift x width; ty in pixels, uniform in
    +-height_shift x height. `apply` admits angles in +-180 degrees. Zeros leave every bit of the image as it is.

    Beyond the image there are: for `nearest` copies of the edge pixel (aaa|abcd|ddd), for `reflect` the mirror image, edge pixel
    repeated (cba|abcd|dcb), for `wrap` the image again (bcd|abcd|abc), for `constant` pixels of `fill_value`. A point between
    the last pixel and the first beyond it is interpolated between the two. scipy's (and so ImageDataGenerator's) `constant` and
    `wrap` differ there: its constant blends nothing, its wrap has a period of one pixel less. Ours are scipy's `grid-constant`
    and `grid-wrap`.

    Attributes:
        rotation: Largest angle, degrees, 0 to 180.
        width_shift: Largest shift to the left or right, as a share of the width, in [0, 1).
        height_shift: Largest shift up or down, as a share of the height, in [0, 1).
        fill: What lies beyond the image.
        fill_value: Grey value 0..255 of `constant`; the others do not use it.
    Source:
        Keras' `ImageDataGenerator` as `tf.keras` still has it. Two deviations, neither visible with square images and equal
        shares: its `height_shift_range` moves images sideways and its `width_shift_range` up and down, and it takes half the
        width for the middle of the rows and half the height for that of the columns. Ours do what the names say.
    """

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    width_shift: Share = 0.0
    height_shift: Share = 0.0
    fill: Fill = "nearest"
    fill_value: Annotated[float, Field(ge=0, le=255)] = 0.0

    @property
    def num_draws(self) -> int:
        """Three: angle, tx, ty."""
        return 3

    def draw(self, generator: np.random.Generator, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return angle (degrees), tx and ty (pixels) of `count` samples, float32 (count, 3)."""
        height, width, _ = image_shape
        largest = np.array([self.rotation, self.width_shift * width, self.height_shift * height])
        draws: np.ndarray = generator.uniform(-1, 1, (count, 3)) * largest
        return draws.astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the resampled images; see `Operation.apply`."""
        columns, rows = _source_points(draws, *images.shape[1:3])
        if self.fill != "constant":
            return _bilinear(images, columns, rows, self.fill)
        # One pixel of the constant all round stands for all that is beyond.
        bordered = keras.ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=self.fill_value)
        return _bilinear(bordered, _moved_by_one(columns), _moved_by_one(rows), "nearest")


@AUGMENTATIONS.register("horizontal_flip")
@dataclass(frozen=True)
class HorizontalFlip:
    """Mirror an image left to right.

    Draws: 1 for an image that is mirrored, else 0.

    Attributes:
        probability: Share of the images that are mirrored, in [0, 1].
    """

    probability: Annotated[float, Field(ge=0, le=1)] = 0.5

    @property
    def num_draws(self) -> int:
        """One: mirrored or not."""
        return 1

    def draw(self, generator: np.random.Generator, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 for the samples that are mirrored and 0 for the others, float32 (count, 1)."""
        return (generator.random((count, 1)) < self.probability).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 mirrored; see `Operation.apply`."""
        ops = keras.ops
        _, height, width, channels = images.shape
        columns = ops.arange(width)
        columns = ops.where(draws > 0.5, width - 1 - columns, columns)[:, None, :]
        rows = (ops.arange(height) * width)[None, :, None]
        # A gather, since TensorFlow's `where` on whole images costs twice as much, and XLA computes what it mirrors twice.
        return ops.take(ops.reshape(images, (-1, channels)), _first_pixel(images) + rows + columns, axis=0)


class _Points(NamedTuple):
    """Where pixels are read along one axis: `pixel` + `share`, tensors (batch, height, width)."""

    pixel: Any  # int32
    share: Any  # float32 in [0, 1]


def _source_points(draws: Any, height: int, width: int) -> tuple[_Points, _Points]:
    """Return the columns and the rows where each pixel of the result is read."""
    ops = keras.ops
    angle, shift_x, shift_y = (draws[:, column][:, None, None] for column in range(3))
    cosine, sine = _cosine_and_sine(angle)
    middle_x, middle_y = width / 2 - 0.5, height / 2 - 0.5
    x = (ops.arange(width, dtype="float32") - middle_x)[None, None, :]
    y = (ops.arange(height, dtype="float32") - middle_y)[None, :, None]
    columns = _points(cosine * x - sine * y, cosine * shift_x - sine * shift_y, middle_x)
    rows = _points(sine * x + cosine * y, sine * shift_x + cosine * shift_y, middle_y)
    return columns, rows


def _points(turned: Any, shift: Any, middle: float) -> _Points:
    """Return turned + shift + middle. Whole pixels are added as integers: float32 leaves more digits to what remains."""
    ops = keras.ops
    whole_shift = ops.round(shift)
    rest = turned + (shift - whole_shift + middle % 1)
    whole_rest = ops.floor(rest)
    pixel = ops.cast(whole_rest, "int32") + ops.cast(whole_shift + middle // 1, "int32")
    return _Points(pixel, rest - whole_rest)


def _moved_by_one(points: _Points) -> _Points:
    return _Points(points.pixel + 1, points.share)


def _cosine_and_sine(degrees: Any) -> tuple[Any, Any]:
    """Return both for angles in +-180 degrees, exact at the quarter turns and within one rounding elsewhere."""
    ops = keras.ops
    quarters = ops.round(degrees / 90)
    rest = (degrees - 90 * quarters) * (math.pi / 180)  # The difference is exact; float32 radians near pi would cost 5e-6 of a pixel.
    turn_cosine = 1 - ops.abs(quarters)  # Cosine and sine of -2 to 2 quarter turns.
    turn_sine = quarters * (2 - ops.abs(quarters))
    cosine, sine = ops.cos(rest), ops.sin(rest)
    return turn_cosine * cosine - turn_sine * sine, turn_cosine * sine + turn_sine * cosine


def _bilinear(images: Any, columns: _Points, rows: _Points, fill: str) -> Any:
    """Read the images at fractional points.

    Four gathers of whole pixels rather than `keras.ops.image.affine_transform`. Measured for 64 images of 32x32x3 on two cores under
    TensorFlow: 1.7 ms against its 1.6, and 0.6 under XLA, which cannot compile its kernel (nor then the network around it). Gathers
    come nearer to the exact result (2.0e-6 against 3.4e-6 on the scale 0..1), and are no loop over the images under torch.
    """
    ops = keras.ops
    _, height, width, channels = images.shape
    two_columns = [_inside(index, width, fill) for index in (columns.pixel, columns.pixel + 1)]
    two_rows = [_inside(index, height, fill) * width + _first_pixel(images) for index in (rows.pixel, rows.pixel + 1)]
    pixels = ops.reshape(images, (-1, channels))
    corners = [[ops.take(pixels, row + column, axis=0) for column in two_columns] for row in two_rows]
    upper, lower = (_between(first, second, columns.share[..., None]) for first, second in corners)
    return _between(upper, lower, rows.share[..., None])


def _between(first: Any, second: Any, share: Any) -> Any:
    """Return `first` where share is 0, exactly, and `second` towards 1."""
    return first + (second - first) * share


def _inside(index: Any, size: int, fill: str) -> Any:
    """Return which pixel of a row or column of `size` stands at any integer index."""
    ops = keras.ops
    if fill == "wrap":
        return ops.mod(index, size)
    if fill == "reflect":
        index = ops.mod(index, 2 * size)
        return ops.minimum(index, 2 * size - 1 - index)
    return ops.clip(index, 0, size - 1)


def _first_pixel(images: Any) -> Any:
    """Return the number of each image's first pixel in the whole batch, int32 (batch, 1, 1), whatever the size of the batch."""
    ops = keras.ops
    _, height, width, _ = images.shape
    before = ops.cumsum(ops.ones_like(images[:, 0, 0, 0], dtype="int32")) - 1
    return (before * (height * width))[:, None, None]
