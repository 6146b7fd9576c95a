"""Affine maps: rotation, shifts, zoom and shear in one resampling."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.resampling import compute_offsets, make_points, sample_bilinear
from kcifar.core.lazy import keras

FractionBelowOne = Annotated[float, Field(ge=0, lt=1)]
Fill = Literal["nearest", "reflect", "constant", "wrap"]


@AUGMENTATIONS.register("random_affine")
@dataclass(frozen=True)
class RandomAffine:
    """Rotate about the middle, shift, shear and zoom with one bilinear resampling, as `ImageDataGenerator.apply_transform` does.

    The pixel at offset (x, y) from the middle of the result is read at R (z S (x, y) + (tx, ty)) from the middle of the image. R is
    the rotation by the angle, S = [[1, -sin s], [0, cos s]] the shear by the angle s and z the zoom, above 1 for a smaller picture:
    x points to the right, y down, the middle is at width / 2 - 0.5 and height / 2 - 0.5.

    Draws: angle in degrees, uniform in +-rotation; tx in pixels, uniform in +-width_shift x width; ty in pixels, uniform in
    +-height_shift x height; if zoom or shear is above 0 two more: z, uniform in 1 +- zoom, and s in degrees, uniform in +-shear.
    `apply` accepts angles in +-180 degrees. Zeros, and 1 for z, keep every bit of the image.

    The pixels beyond the image: `nearest`: copies of the edge pixel (aaa|abcd|ddd); `reflect`: the mirror image, edge pixel
    repeated (cba|abcd|dcb); `wrap`: the image again (bcd|abcd|abc); `constant`: `fill_value`. A point between the last pixel and
    the first beyond it is interpolated between the two. scipy's (and so ImageDataGenerator's) `constant` and `wrap` differ there:
    its constant does not interpolate, its wrap has a period of one pixel less. These are scipy's `grid-constant` and `grid-wrap`.

    Attributes:
        rotation: Largest angle, degrees, 0 to 180.
        width_shift: Largest shift to the left or right, as a fraction of the width, in [0, 1).
        height_shift: Largest shift up or down, as a fraction of the height, in [0, 1).
        fill: The pixels beyond the image.
        fill_value: Gray level 0..255 for `constant`; the other fills do not use it.
        zoom: Largest change of the distance between the points that are read, the same along both axes, in [0, 1).
        shear: Largest angle of shear, degrees, 0 to below 90.
        probability: Fraction of the images that are changed, in [0, 1].
    Source:
        Keras' `ImageDataGenerator`, still in `tf.keras`. Three differences: its `zoom_range` draws a zoom for each axis, which
        changes proportions. Two are not visible with square images and equal fractions: its `height_shift_range` moves images sideways
        and its `width_shift_range` up and down, and it takes half the width for the middle of the rows and half the height for
        that of the columns. Here both do what their names say.
    """

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    width_shift: FractionBelowOne = 0.0
    height_shift: FractionBelowOne = 0.0
    fill: Fill = "nearest"
    fill_value: GrayLevel = 0.0
    zoom: FractionBelowOne = 0.0
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Three: angle, tx, ty; five with zoom or shear: also z and s."""
        return 5 if self.zoom or self.shear else 3

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return angle (degrees), tx and ty (pixels) and, if needed, z and s (degrees) of `count` samples, float32 (count, num_draws)."""
        height, width, _ = image_shape
        largest = np.array([self.rotation, self.width_shift * width, self.height_shift * height, self.zoom, self.shear])[: self.num_draws]
        identity = np.array([0, 0, 0, 1, 0])[: self.num_draws]
        uniform = np.concatenate([occasion.generator().uniform(-1, 1, (count, 3)), self._draw_zoom_and_shear(occasion, count)], axis=1)
        draws = identity + uniform * largest
        return np.where(draw_changed(occasion, self.probability, count)[:, None], draws, identity).astype(np.float32)

    def _draw_zoom_and_shear(self, occasion: Occasion, count: int) -> np.ndarray:
        return occasion.generator(2).uniform(-1, 1, (count, self.num_draws - 3))

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the resampled images; see `Operation.apply`."""
        _, height, width, _ = images.shape
        angle, shift_x, shift_y, *others = (draws[:, column][:, None, None] for column in range(self.num_draws))
        rotation = _make_rotation(angle)
        matrix = _shear_and_zoom(rotation, *others) if others else rotation
        x, y = compute_offsets(width)[None, None, :], compute_offsets(height)[None, :, None]
        columns = make_points(matrix.xx * x - matrix.minus_xy * y, width, rotation.xx * shift_x - rotation.minus_xy * shift_y)
        rows = make_points(matrix.yx * x + matrix.yy * y, height, rotation.yx * shift_x + rotation.yy * shift_y)
        return sample_bilinear(images, columns, rows, self.fill, self.fill_value)


class _Matrix(NamedTuple):
    """A linear map of each image's offsets, tensors (batch, 1, 1); xy is negated, as in a rotation."""

    xx: Any
    minus_xy: Any
    yx: Any
    yy: Any


def _make_rotation(degrees: Any) -> _Matrix:
    cosine, sine = _compute_cosine_and_sine(degrees)
    return _Matrix(cosine, sine, sine, cosine)


def _shear_and_zoom(rotation: _Matrix, zoom: Any, shear: Any) -> _Matrix:
    """Return z R S; the shear is an angle in degrees."""
    cosine, sine = _compute_cosine_and_sine(shear)
    minus_xy, yy = rotation.xx * sine + rotation.minus_xy * cosine, rotation.yy * cosine - rotation.yx * sine
    return _Matrix(zoom * rotation.xx, zoom * minus_xy, zoom * rotation.yx, zoom * yy)


def _compute_cosine_and_sine(degrees: Any) -> tuple[Any, Any]:
    """Return both for angles in +-180 degrees, exact at quarter turns and within one rounding error elsewhere."""
    ops = keras.ops
    quarters = ops.round(degrees / 90)
    rest = (degrees - 90 * quarters) * (math.pi / 180)  # The difference is exact; float32 radians near pi would cost 5e-6 of a pixel.
    quarter_cosine = 1 - ops.abs(quarters)  # Cosine and sine of -2 to 2 quarter turns.
    quarter_sine = quarters * (2 - ops.abs(quarters))
    cosine, sine = ops.cos(rest), ops.sin(rest)
    return quarter_cosine * cosine - quarter_sine * sine, quarter_cosine * sine + quarter_sine * cosine
