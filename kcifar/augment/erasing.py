"""Augmentations that overwrite a rectangle of an image."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Fraction, GrayLevel, Probability
from kcifar.augment.boxes import BOX_DRAWS, make_boxes, make_mask
from kcifar.augment.noise import NUM_SEEDS, make_uniform_noise
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras

MAX_ATTEMPTS = 10  # As in torchvision and, in effect, in the paper's code, whose limit of a hundred is never reached: few rectangles are too long.


@AUGMENTATIONS.register("cutout")
@dataclass(frozen=True)
class Cutout:
    """Overwrite a square around a uniformly drawn pixel, clipped at the border of the image.

    Draws: the square's box (see `augment/boxes.py`). An empty box keeps the image as it is.

    Attributes:
        size: Side of the square, pixels, 0 to 1024; for an even size, the drawn pixel is the lower right one of the middle four.
        value: Gray level 0..255 of the square.
        probability: Fraction of the images that are changed, in [0, 1].
    Source:
        DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017, https://arxiv.org/abs/1708.04552,
        section 3.2: 16 pixels for CIFAR-10, 8 for CIFAR-100. It writes 0 after normalization, which is the mean of the images; here
        the images are still 0..255 and 0 is black. An odd size is kept; the paper's code reduces it by one.
    """

    size: Annotated[int, Field(ge=0, le=1024)] = 16
    value: GrayLevel = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: the box."""
        return BOX_DRAWS

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, float32 (count, 4)."""
        centers = occasion.generator().integers(0, (image_shape[1], image_shape[0]), (count, 2))
        sides = self.size * draw_changed(occasion, self.probability, count)[:, None]
        return make_boxes(centers, sides, image_shape)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images with their squares overwritten; see `Operation.apply`."""
        return keras.ops.where(make_mask(draws, images), self.value, images)


@AUGMENTATIONS.register("random_erasing")
@dataclass(frozen=True)
class RandomErasing:
    """Overwrite a rectangle of random area and shape that is entirely inside the image.

    Draws: the rectangle's box (see `augment/boxes.py`); for noise also a seed, a whole number below 2^24. The rectangle's area is uniform
    between `min_area` and `max_area` of the image's, the logarithm of its height over its width uniform in +-log(1 / min_aspect),
    its sides are rounded to whole pixels, its position is uniform. A rectangle that is not smaller than the image in both directions
    is drawn again, up to ten times; after that the box is empty and the image does not change.

    Attributes:
        min_area: Smallest area, as a fraction of the image's, in [0, 1].
        max_area: Largest area, in [0, 1], at least `min_area`.
        min_aspect: Smallest height over width, in [0.01, 1]; the largest is its inverse.
        value: Gray level 0..255 of the rectangle, or `noise`: each channel of each pixel independent and uniform in 0..255.
        probability: Fraction of the images that are changed, in [0, 1].
    Raises:
        UserError: `min_area` is above `max_area`.
    Source:
        Zhong et al., Random Erasing Data Augmentation, 2017, https://arxiv.org/abs/1708.04896, algorithm 1, with 0.02, 0.4 and
        0.3, half of the images and noise; the logarithm is torchvision's and timm's: the paper's draw favors tall over wide rectangles.
    """

    min_area: Fraction = 0.02
    max_area: Fraction = 0.4
    min_aspect: Annotated[float, Field(ge=0.01, le=1)] = 0.3
    value: GrayLevel | Literal["noise"] = 0.0
    probability: Probability = 1.0

    def __post_init__(self) -> None:
        if self.min_area > self.max_area:
            raise UserError(f"random_erasing.min_area: expected at most max_area, {self.max_area}, got {self.min_area}")

    @property
    def num_draws(self) -> int:
        """Four: the box; five for noise: also the seed."""
        return BOX_DRAWS + (self.value == "noise")

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, and for noise the seeds, float32 (count, num_draws)."""
        size = np.array([image_shape[1], image_shape[0]])
        sides = _take_first_inside(self._draw_sides(occasion, count, size), size)
        first = np.floor(occasion.generator(2).random((count, 2)) * (size - sides + 1))
        seeds = occasion.generator(3).integers(0, NUM_SEEDS, (count, self.num_draws - BOX_DRAWS))
        draws = np.concatenate([first, first + sides, seeds], axis=1)
        return np.where(draw_changed(occasion, self.probability, count)[:, None], draws, 0).astype(np.float32)

    def _draw_sides(self, occasion: Occasion, count: int, size: np.ndarray) -> np.ndarray:
        """Return every attempt's columns and rows, (count, attempts, 2)."""
        area, aspect = np.moveaxis(occasion.generator().random((count, MAX_ATTEMPTS, 2)), -1, 0)
        area = (self.min_area + (self.max_area - self.min_area) * area) * size.prod()
        root = self.min_aspect ** (0.5 - aspect)  # Square root of height over width.
        sides: np.ndarray = np.round(np.sqrt(area)[..., None] * np.stack([1 / root, root], axis=-1))
        return sides.astype(int)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images with their rectangles overwritten; see `Operation.apply`."""
        value = 255 * make_uniform_noise(draws[:, BOX_DRAWS], tuple(images.shape[1:])) if self.value == "noise" else self.value
        return keras.ops.where(make_mask(draws, images), value, images)


def _take_first_inside(sides: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the first of each sample's attempts (count, attempts, 2) that is smaller than the image in both directions, or zeros; (count, 2)."""
    fits = np.all(sides < size, axis=-1, keepdims=True)
    attempts = np.argmax(fits, axis=1, keepdims=True)
    first: np.ndarray = np.take_along_axis(sides * fits, attempts, axis=1)[:, 0]
    return first
