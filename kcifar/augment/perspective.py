"""Random changes of perspective."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.operation import Occasion
from kcifar.augment.resampling import Points, bilinear, offsets, points
from kcifar.core.lazy import keras

IDENTITY = np.array([1, 0, 0, 0, 1, 0, 0, 0, 1], np.float32)
HORIZON = 1e-6  # A smaller divisor stands for a point infinitely far away.


@AUGMENTATIONS.register("random_perspective")
@dataclass(frozen=True)
class RandomPerspective:
    """Move each corner of an image inwards by itself, as if it were a tilted plane, with one bilinear resampling.

    The pixel at offset (x, y) from the middle of the result is read at ((a x + b y + c) / (g x + h y + i), (d x + e y + f) / (g x + h y + i))
    from the middle of the image: x runs to the right, y down, the middle lies at width / 2 - 0.5 and height / 2 - 0.5. It is the one
    such map that reads the image's corner pixels at the four places that were drawn for them.

    Draws: a to i, to scale, so that the largest is 1. The places of the corners are whole pixels: each moves towards the middle
    by 0 to floor(distortion x floor(width / 2)) columns, uniformly, and likewise by rows, but never past the middle.
    1, 0, 0, 0, 1, 0, 0, 0, 1 leaves every bit of the image as it is; images of one row or column stay as they are.

    Attributes:
        distortion: How far the corners move, as a share of the way to the middle, in [0, 1].
        fill: What lies beyond the image: pixels of `fill_value`, or copies of the edge pixel.
        fill_value: Grey value 0..255 of `constant`.
        probability: Share of the images that are changed, in [0, 1].
    Source:
        torchvision's `RandomPerspective` (`distortion_scale`, there applied to half of the images). It computes the map between the
        middles of pixels, but applies it to their upper left corners, which moves what it enlarges up to half a pixel; ours does not.
    """

    distortion: Annotated[float, Field(ge=0, le=1)] = 0.5
    fill: Literal["constant", "nearest"] = "constant"
    fill_value: Annotated[float, Field(ge=0, le=255)] = 0.0
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
        moves = moves * strikes(occasion, self.probability, count)[:, None, None]
        return perspective(moves, size)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the resampled images; see `Operation.apply`."""
        _, height, width, _ = images.shape
        columns, rows = _source_points(draws, height, width)
        return bilinear(images, columns, rows, self.fill, self.fill_value)


def perspective(moves: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the map of a result's points to an image's whose corners moved inwards.

    Args:
        moves: (count, 4, 2), how far the upper left, upper right, lower right and lower left corner move along x and y, in pixels, >= 0.
        size: Width and height, (2,).
    Returns:
        float32 (count, 9): a to i as in `RandomPerspective`.
    Source:
        Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3: the map of the unit square to four
        points. Multiplied by its divisor and inverted as the adjugate it needs no division, so three corners in a line do no harm.
    """
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = signs * ((size - 1) / 2 - moves)
    from_square = _adjugate(_of_unit_square(corners))
    to_image = np.array([[size[0] - 1, 0, (1 - size[0]) / 2], [0, size[1] - 1, (1 - size[1]) / 2], [0, 0, 1]])
    maps = (to_image @ from_square).reshape(-1, 9)
    moved = (moves.reshape(-1, 8).sum(axis=1) > 0) & (size.min() > 1)
    maps = np.where(moved[:, None], maps, IDENTITY)
    scaled: np.ndarray = maps / np.abs(maps).max(axis=1, keepdims=True)
    return scaled.astype(np.float32)


def _of_unit_square(corners: np.ndarray) -> np.ndarray:
    """Return matrices, to scale, that map (0, 0), (1, 0), (1, 1), (0, 1) to the corners (count, 4, 2); float64 (count, 3, 3)."""
    first, second, third, fourth = np.moveaxis(corners.astype(float), 1, 0)
    total = first - second + third - fourth
    right, down = second - third, fourth - third
    divisor, g, h = _cross(right, down), _cross(total, down), _cross(right, total)
    upper = [(second - first) * divisor[:, None] + g[:, None] * second, (fourth - first) * divisor[:, None] + h[:, None] * fourth]
    upper.append(first * divisor[:, None])
    lower = np.stack([g, h, divisor], axis=-1)
    return np.concatenate([np.stack(upper, axis=-1), lower[:, None, :]], axis=1)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    product: np.ndarray = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return product


def _adjugate(matrices: np.ndarray) -> np.ndarray:
    """Return the inverses times the determinants, (count, 3, 3)."""
    first, second, third = np.moveaxis(matrices, 1, 0)
    return np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=-1)


def _source_points(draws: Any, height: int, width: int) -> tuple[Points, Points]:
    """Return the columns and the rows where each pixel of the result is read."""
    ops = keras.ops
    a, b, c, d, e, f, g, h, i = (draws[:, column][:, None, None] for column in range(9))
    x, y = offsets(width)[None, None, :], offsets(height)[None, :, None]
    divisor = g * x + h * y + i
    divisor = ops.where(ops.abs(divisor) < HORIZON, HORIZON, divisor)
    # Two pixels beyond the border all is fill; further away whole numbers would run over.
    columns = ops.clip((a * x + b * y + c) / divisor, -width / 2 - 2, width / 2 + 2)
    rows = ops.clip((d * x + e * y + f) / divisor, -height / 2 - 2, height / 2 + 2)
    return points(columns, width), points(rows, height)
