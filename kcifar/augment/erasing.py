"""Augmentations that overwrite a rectangle of an image."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.boxes import NUM_DRAWS, box_mask, clipped_boxes
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.noise import SEEDS, uniform_noise
from kcifar.augment.operation import Occasion
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras

Grey = Annotated[float, Field(ge=0, le=255)]
Share = Annotated[float, Field(ge=0, le=1)]
ATTEMPTS = 10  # As torchvision and, in effect, the paper's code, whose hundred never run out: few rectangles are too long.


@AUGMENTATIONS.register("cutout")
@dataclass(frozen=True)
class Cutout:
    """Overwrite a square around any pixel, uniformly; what lies outside the image is cut off.

    Draws: the square's box (see `augment/boxes.py`). An empty box leaves the image as it is.

    Attributes:
        size: Side of the square, pixels, 0 to 1024; of an even size the pixel is the lower right one of the middle four.
        value: Grey value 0..255 of the square.
        probability: Share of the images that are changed, in [0, 1].
    Source:
        DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017, https://arxiv.org/abs/1708.04552,
        section 3.2: 16 pixels for CIFAR-10, 8 for CIFAR-100. It writes 0 after normalisation, which is the mean of the images; here
        the images are still 0..255 and 0 is black. An odd size is kept; its code makes it smaller by one.
    """

    size: Annotated[int, Field(ge=0, le=1024)] = 16
    value: Grey = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: the box."""
        return NUM_DRAWS

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, float32 (count, 4)."""
        centres = occasion.generator().integers(0, (image_shape[1], image_shape[0]), (count, 2))
        sides = self.size * strikes(occasion, self.probability, count)[:, None]
        return clipped_boxes(centres, sides, image_shape)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, their squares overwritten; see `Operation.apply`."""
        return keras.ops.where(box_mask(draws, images), self.value, images)


@AUGMENTATIONS.register("random_erasing")
@dataclass(frozen=True)
class RandomErasing:
    """Overwrite a rectangle of random area and shape, which lies wholly within the image.

    Draws: the rectangle's box (see `augment/boxes.py`); for noise a seed too, a whole number below 2^24. The rectangle's area is uniform
    between `min_area` and `max_area` of the image's, the logarithm of its height over its width uniform in +-log(1 / min_aspect),
    its sides are rounded to whole pixels, its place is uniform. One that is not smaller than the image both ways is drawn again;
    the tenth time the image stays as it is: the box is empty.

    Attributes:
        min_area: Smallest area, as a share of the image's, in [0, 1].
        max_area: Largest area, in [0, 1], at least `min_area`.
        min_aspect: Smallest height over width, in [0.01, 1]; the largest is its inverse.
        value: Grey value 0..255 of the rectangle, or `noise`: each channel of each pixel uniform in 0..255 by itself.
        probability: Share of the images that are changed, in [0, 1].
    Raises:
        UserError: `min_area` is above `max_area`.
    Source:
        Zhong et al., Random Erasing Data Augmentation, 2017, https://arxiv.org/abs/1708.04896, algorithm 1, which takes 0.02, 0.4 and
        0.3, half of the images and noise; the logarithm is torchvision's and timm's: the paper's draw makes more tall ones than wide ones.
    """

    min_area: Share = 0.02
    max_area: Share = 0.4
    min_aspect: Annotated[float, Field(ge=0.01, le=1)] = 0.3
    value: Grey | Literal["noise"] = 0.0
    probability: Probability = 1.0

    def __post_init__(self) -> None:
        if self.min_area > self.max_area:
            raise UserError(f"random_erasing.min_area: expected at most max_area, {self.max_area}, got {self.min_area}")

    @property
    def num_draws(self) -> int:
        """Four: the box; five for noise: the seed too."""
        return NUM_DRAWS + (self.value == "noise")

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, and perhaps the seeds, float32 (count, num_draws)."""
        size = np.array([image_shape[1], image_shape[0]])
        sides = _first_inside(self._sides(occasion, count, size), size)
        first = np.floor(occasion.generator(2).random((count, 2)) * (size - sides + 1))
        seeds = occasion.generator(3).integers(0, SEEDS, (count, self.num_draws - NUM_DRAWS))
        draws = np.concatenate([first, first + sides, seeds], axis=1)
        return np.where(strikes(occasion, self.probability, count)[:, None], draws, 0).astype(np.float32)

    def _sides(self, occasion: Occasion, count: int, size: np.ndarray) -> np.ndarray:
        """Return every attempt's columns and rows, (count, attempts, 2)."""
        area, aspect = np.moveaxis(occasion.generator().random((count, ATTEMPTS, 2)), -1, 0)
        area = (self.min_area + (self.max_area - self.min_area) * area) * size.prod()
        root = self.min_aspect ** (0.5 - aspect)  # Of height over width.
        sides: np.ndarray = np.round(np.sqrt(area)[..., None] * np.stack([1 / root, root], axis=-1))
        return sides.astype(int)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, their rectangles overwritten; see `Operation.apply`."""
        value = 255 * uniform_noise(draws[:, NUM_DRAWS], tuple(images.shape[1:])) if self.value == "noise" else self.value
        return keras.ops.where(box_mask(draws, images), value, images)


def _first_inside(sides: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return of each sample's attempts (count, attempts, 2) the first that is smaller than the image both ways, or zeros; (count, 2)."""
    fits = np.all(sides < size, axis=-1, keepdims=True)
    attempts = np.argmax(fits, axis=1, keepdims=True)
    first: np.ndarray = np.take_along_axis(sides * fits, attempts, axis=1)[:, 0]
    return first
