"""Augmentations that mirror images."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.operation import Occasion
from kcifar.augment.resampling import take_pixels
from kcifar.core.lazy import keras


@dataclass(frozen=True)
class _RandomFlip:
    """The draws of a flip that each image gets with the same probability in every epoch."""

    probability: Probability = 0.5

    @property
    def num_draws(self) -> int:
        """One: mirrored or not."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 for the samples that are mirrored and 0 for the others, float32 (count, 1)."""
        return (occasion.generator().random((count, 1)) < self.probability).astype(np.float32)


@AUGMENTATIONS.register("horizontal_flip")
@dataclass(frozen=True)
class HorizontalFlip(_RandomFlip):
    """Mirror an image left to right.

    Draws: 1 for an image that is mirrored, else 0.

    Attributes:
        probability: Fraction of the images that are mirrored, in [0, 1].
    """

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 mirrored; see `Operation.apply`."""
        return _flip_horizontally(images, draws)


@AUGMENTATIONS.register("vertical_flip")
@dataclass(frozen=True)
class VerticalFlip(_RandomFlip):
    """Mirror an image upside down.

    Draws: 1 for an image that is mirrored, else 0.

    Attributes:
        probability: Fraction of the images that are mirrored, in [0, 1].
    """

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 mirrored; see `Operation.apply`."""
        _, height, width, _ = images.shape
        return take_pixels(images, keras.ops.arange(width)[None, None, :], _flip_indices(height, draws)[:, :, None])


@AUGMENTATIONS.register("alternating_flip")
@dataclass(frozen=True)
class AlternatingFlip:
    """Mirror an image left to right in every second epoch: both views are equally frequent, and each image's views alternate.

    For the entire run, a random half of the images starts mirrored and the other half unchanged. In the epochs 0, 2, 4, … of the run,
    counted over all stages, an image is as it started; in the others it is the opposite.

    Draws: 1 for an image that is mirrored, else 0.

    Attributes:
        probability: Fraction of the images that alternate, in [0, 1]; the others, the same in every epoch, are never mirrored.
    Source:
        Keller Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, https://arxiv.org/abs/2404.00498, section 3.6.
    """

    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One: mirrored or not."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 for the samples that are mirrored in this epoch and 0 for the others, float32 (count, 1)."""
        first, alternating = occasion.lasting_generator().random((count, 2)).T
        mirrored: np.ndarray = ((first < 0.5) ^ (occasion.total_epoch % 2 == 1)) & (alternating < self.probability)
        return mirrored.astype(np.float32)[:, None]

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 mirrored; see `Operation.apply`."""
        return _flip_horizontally(images, draws)


def _flip_horizontally(images: Any, draws: Any) -> Any:
    _, height, width, _ = images.shape
    return take_pixels(images, _flip_indices(width, draws)[:, None, :], keras.ops.arange(height)[None, :, None])


def _flip_indices(size: int, draws: Any) -> Any:
    """Return which pixel is read at each index along an axis, int32 (batch, size)."""
    ops = keras.ops
    indices = ops.arange(size)
    return ops.where(draws > 0.5, size - 1 - indices, indices)
