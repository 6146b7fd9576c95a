"""Random changes of perspective."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.resampling import SourcePoints, compute_offsets, make_points, sample_bilinear
from kcifar.core.lazy import keras

IDENTITY = np.array([1, 0, 0, 0, 1, 0, 0, 0, 1], np.float32)
MIN_DIVISOR = 1e-6  # A smaller divisor belongs to a point infinitely far away.


@AUGMENTATIONS.register("random_perspective")
@dataclass(frozen=True)
class RandomPerspective:
    """Move each corner of an image inwards independently, as if the image were a tilted plane, with one bilinear resampling.

    The pixel at offset (x, y) from the middle of the result is read at ((a x + b y + c) / (g x + h y + i), (d x + e y + f) / (g x + h y + i))
    from the middle of the image: x points to the right, y down, the middle is at width / 2 - 0.5 and height / 2 - 0.5. It is the only
    such map that places the image's corner pixels at the four positions drawn for them.

    Draws: a to i, scaled so that the largest is 1. The corners move by whole pixels: each moves towards the middle by
    0 to floor(distortion x floor(width / 2)) columns, uniformly, and likewise by rows, but never past the middle.
    1, 0, 0, 0, 1, 0, 0, 0, 1 keeps every bit of the image; images of one row or column do not change.

    Attributes:
        distortion: Largest movement of the corners, as a fraction of the way to the middle, in [0, 1].
        fill: The pixels beyond the image: `constant`: `fill_value`; `nearest`: copies of the edge pixel.
        fill_value: Gray level 0..255 for `constant`.
        probability: Fraction of the images that are changed, in [0, 1].
    Source:
        torchvision's `RandomPerspective` (`distortion_scale`, there applied to half of the images). It computes the map between the
        centers of pixels, but applies it to their upper left corners, which shifts enlarged areas by up to half a pixel; this one does not.
    """

    distortion: Annotated[float, Field(ge=0, le=1)] = 0.5
    fill: Literal["constant", "nearest"] = "constant"
    fill_value: GrayLevel = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Nine: a to i."""
        return 9

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return a to i of `count` samples, float32 (count, 9)."""
        size = np.array([image_shape[1], image_shape[0]])
        furthest = np.minimum((self.distortion * (size // 2)).astype(int), (size - 1) // 2)
        moves = occasion.generator().integers(0, furthest, (count, 4, 2), endpoint=True)
        moves = moves * draw_changed(occasion, self.probability, count)[:, None, None]
        return compute_perspective(moves, size)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the resampled images; see `Operation.apply`."""
        _, height, width, _ = images.shape
        columns, rows = _compute_points(draws, height, width)
        return sample_bilinear(images, columns, rows, self.fill, self.fill_value)


def compute_perspective(moves: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the map from points of the result to points of an image whose corners moved inwards.

    Args:
        moves: (count, 4, 2), movements of the upper left, upper right, lower right and lower left corner along x and y, pixels, >= 0.
        size: Width and height, (2,).
    Returns:
        float32 (count, 9): a to i as in `RandomPerspective`.
    Source:
        Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3: the map of the unit square to four
        points. Multiplied by its divisor and inverted as the adjugate, it needs no division, so three corners in a line are harmless.
    """
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = signs * ((size - 1) / 2 - moves)
    from_square = _compute_adjugate(_map_unit_square(corners))
    to_image = np.array([[size[0] - 1, 0, (1 - size[0]) / 2], [0, size[1] - 1, (1 - size[1]) / 2], [0, 0, 1]])
    maps = (to_image @ from_square).reshape(-1, 9)
    moved = (moves.reshape(-1, 8).sum(axis=1) > 0) & (size.min() > 1)
    maps = np.where(moved[:, None], maps, IDENTITY)
    scaled: np.ndarray = maps / np.abs(maps).max(axis=1, keepdims=True)
    return scaled.astype(np.float32)


def _map_unit_square(corners: np.ndarray) -> np.ndarray:
    """Return matrices, up to scale, that map (0, 0), (1, 0), (1, 1), (0, 1) to the corners (count, 4, 2); float64 (count, 3, 3)."""
    first, second, third, fourth = np.moveaxis(corners.astype(float), 1, 0)
    total = first - second + third - fourth
    right, down = second - third, fourth - third
    divisor, g, h = _compute_cross(right, down), _compute_cross(total, down), _compute_cross(right, total)
    upper = [(second - first) * divisor[:, None] + g[:, None] * second, (fourth - first) * divisor[:, None] + h[:, None] * fourth]
    upper.append(first * divisor[:, None])
    lower = np.stack([g, h, divisor], axis=-1)
    return np.concatenate([np.stack(upper, axis=-1), lower[:, None, :]], axis=1)


def _compute_cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    product: np.ndarray = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return product


def _compute_adjugate(matrices: np.ndarray) -> np.ndarray:
    """Return the inverses times the determinants, (count, 3, 3)."""
    first, second, third = np.moveaxis(matrices, 1, 0)
    return np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=-1)


def _compute_points(draws: Any, height: int, width: int) -> tuple[SourcePoints, SourcePoints]:
    """Return the columns and the rows at which each pixel of the result is read."""
    ops = keras.ops
    a, b, c, d, e, f, g, h, i = (draws[:, column][:, None, None] for column in range(9))
    x, y = compute_offsets(width)[None, None, :], compute_offsets(height)[None, :, None]
    divisor = g * x + h * y + i
    divisor = ops.where(ops.abs(divisor) < MIN_DIVISOR, MIN_DIVISOR, divisor)
    # From two pixels beyond the border on, everything is fill; further away, integers would overflow.
    columns = ops.clip((a * x + b * y + c) / divisor, -width / 2 - 2, width / 2 + 2)
    rows = ops.clip((d * x + e * y + f) / divisor, -height / 2 - 2, height / 2 + 2)
    return make_points(columns, width), make_points(rows, height)
