"""Augmentations of color: brightness, contrast, saturation, hue, and grayscale."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.core.lazy import keras

Strength = Annotated[float, Field(ge=0, le=1)]
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601-2, as in Pillow; torchvision's 0.2989 for red makes gray images a little darker.


@AUGMENTATIONS.register("color_jitter")
@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast, saturation and hue, in this order, each by a random amount and clipped to 0..255 after each.

    Brightness, contrast and saturation blend with black, with the mean of the image's gray values, and with its gray copy:
    other + factor x (image - other). Hue rotates the color circle at constant value and saturation (HSV). Images without three
    channels have no color: saturation and hue do not change them, and their mean gray is the mean of all channels.

    Draws: three factors, uniform in [1 - strength, 1 + strength], and the rotation of hue, uniform in +-hue; (1, 1, 1, 0), which keeps
    every bit, for an image that is not changed.

    Attributes:
        brightness: Strength of brightness, 0 to 1.
        contrast: Strength of contrast, 0 to 1.
        saturation: Strength of saturation, 0 to 1.
        hue: Largest rotation of the hue in either direction, 0 to 0.5 of the circle.
        probability: Fraction of the images that are changed.
    Source:
        torchvision's `ColorJitter`, which draws a random order of the four per call, so one per batch. As there, floats are not
        rounded to whole levels.
    """

    brightness: Strength = 0.0
    contrast: Strength = 0.0
    saturation: Strength = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: three factors and a rotation."""
        return 4

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the factors of brightness, contrast and saturation and the rotation of hue, float32 (count, 4)."""
        strengths = np.array([self.brightness, self.contrast, self.saturation, self.hue])
        amounts = occasion.generator().uniform(-1, 1, (count, 4)) * strengths
        changed = draw_changed(occasion, self.probability, count)
        draws: np.ndarray = np.where(changed[:, None], amounts, 0) + np.array([1, 1, 1, 0])
        return draws.astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        ops = keras.ops
        brightness, contrast, saturation, rotation = (draws[:, column][:, None, None, None] for column in range(4))
        images = _blend(0.0, images, brightness)
        # One axis, then the others: sums of few numbers, whose order hardly changes the result.
        mean = ops.mean(ops.mean(compute_gray(images), axis=2, keepdims=True), axis=(1, 3), keepdims=True)
        images = _blend(mean, images, contrast)
        images = _blend(compute_gray(images), images, saturation)
        return _rotate_hue(images, rotation)


@AUGMENTATIONS.register("grayscale")
@dataclass(frozen=True)
class Grayscale:
    """Remove the color of an image; it keeps its three channels, all equal.

    Draws: 1 for an image that becomes gray, else 0.

    Attributes:
        probability: Fraction of the images that become gray.
    Source:
        torchvision's `RandomGrayscale`, with Pillow's weights and on floats.
    """

    probability: Probability = 0.1

    @property
    def num_draws(self) -> int:
        """One: gray or not."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 for the samples that become gray and 0 for the others, float32 (count, 1)."""
        return np.asarray(draw_changed(occasion, self.probability, count), np.float32)[:, None]

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 in gray; see `Operation.apply`."""
        return keras.ops.where(draws[:, :, None, None] > 0.5, compute_gray(images), images)


def compute_gray(images: Any) -> Any:
    """Return the luma of each pixel, float32 (batch, height, width, 1); images without three channels are returned as they are."""
    if images.shape[3] != 3:
        return images
    # Relative to green, whose weight is the rest, so that gray pixels keep every bit.
    red, green, blue = (images[..., channel : channel + 1] for channel in range(3))
    return green + LUMA[0] * (red - green) + LUMA[2] * (blue - green)


def _blend(other: Any, images: Any, factor: Any) -> Any:
    """Return other + factor x (images - other), clipped to 0..255; factor 1 keeps every bit."""
    return keras.ops.clip(images + (factor - 1) * (images - other), 0.0, 255.0)


def _rotate_hue(images: Any, rotation: Any) -> Any:
    """Rotate the hue by a fraction of the circle.

    With the hue h in sixths, channel n is value - chroma x clip(min(k, 4 - k), 0, 1), k = (n + h) mod 6, where n is 5, 3 and 1 for red,
    green and blue (https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative).
    """
    if images.shape[3] != 3:
        return images
    ops = keras.ops
    value = ops.max(images, axis=3, keepdims=True)
    chroma = value - ops.min(images, axis=3, keepdims=True)
    k = ops.mod(_compute_hue(images, value, chroma) + 6 * rotation + np.array([5, 3, 1], np.float32), 6.0)
    rotated = value - chroma * ops.clip(ops.minimum(k, 4 - k), 0.0, 1.0)
    return ops.where(ops.equal(rotation, 0.0), images, rotated)


def _compute_hue(images: Any, value: Any, chroma: Any) -> Any:
    """Return the hue in sixths of the circle, -1 to 5; any number where there is no color."""
    ops = keras.ops
    red, green, blue = (images[..., channel : channel + 1] for channel in range(3))
    divisor = ops.maximum(chroma, 1e-6)
    from_green, from_blue = 2 + (blue - red) / divisor, 4 + (red - green) / divisor
    return ops.where(ops.equal(value, red), (green - blue) / divisor, ops.where(ops.equal(value, green), from_green, from_blue))
