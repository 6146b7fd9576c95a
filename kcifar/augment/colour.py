"""Augmentations of colour: brightness, contrast, saturation, hue, and none."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.operation import Occasion
from kcifar.core.lazy import keras

Strength = Annotated[float, Field(ge=0, le=1)]
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601-2, as in Pillow; torchvision's 0.2989 for red makes grey images a little darker.


@AUGMENTATIONS.register("color_jitter")
@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast, saturation and hue, in this order, each by a random amount and cut to 0..255 after each.

    Brightness, contrast and saturation blend with black, with the mean of the image's grey values, and with its grey copy:
    other + factor x (image - other). Hue turns the colour circle at constant value and saturation (HSV). Images that do not have
    three channels have no colour: saturation and hue leave them, and their mean grey is the mean of all.

    Draws: three factors, uniform in [1 - strength, 1 + strength], and the turn of hue, uniform in +-hue; (1, 1, 1, 0) where it
    does not strike. Zeros leave every bit of the image as it is.

    Attributes:
        brightness: Strength of brightness, 0 to 1.
        contrast: Strength of contrast, 0 to 1.
        saturation: Strength of saturation, 0 to 1.
        hue: Largest turn of the hue either way, 0 to 0.5 of the circle.
        probability: Share of the images that are changed.
    Source:
        torchvision's `ColorJitter`, which puts the four in a random order for each call, so for a whole batch. On floats as there:
        nothing is rounded to whole levels.
    """

    brightness: Strength = 0.0
    contrast: Strength = 0.0
    saturation: Strength = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: three factors and a turn."""
        return 4

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the factors of brightness, contrast and saturation and the turn of hue, float32 (count, 4)."""
        strengths = np.array([self.brightness, self.contrast, self.saturation, self.hue])
        amounts = occasion.generator().uniform(-1, 1, (count, 4)) * strengths
        struck = strikes(occasion, self.probability, count)
        draws: np.ndarray = np.where(struck[:, None], amounts, 0) + np.array([1, 1, 1, 0])
        return draws.astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        ops = keras.ops
        brightness, contrast, saturation, turn = (draws[:, column][:, None, None, None] for column in range(4))
        images = _away_from(0.0, images, brightness)
        # Along one axis after the other: sums of few numbers, whose order costs nothing that shows.
        mean = ops.mean(ops.mean(grey(images), axis=2, keepdims=True), axis=(1, 3), keepdims=True)
        images = _away_from(mean, images, contrast)
        images = _away_from(grey(images), images, saturation)
        return _turned(images, turn)


@AUGMENTATIONS.register("grayscale")
@dataclass(frozen=True)
class Grayscale:
    """Take the colour out of an image; it keeps its three channels, all equal.

    Draws: 1 for an image that becomes grey, else 0.

    Attributes:
        probability: Share of the images that become grey.
    Source:
        torchvision's `RandomGrayscale`, with Pillow's weights and on floats.
    """

    probability: Probability = 0.1

    @property
    def num_draws(self) -> int:
        """One: grey or not."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 for the samples that become grey and 0 for the others, float32 (count, 1)."""
        return strikes(occasion, self.probability, count).astype(np.float32)[:, None]

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the images, those with a draw above 0.5 in grey; see `Operation.apply`."""
        return keras.ops.where(draws[:, :, None, None] > 0.5, grey(images), images)


def grey(images: Any) -> Any:
    """Return the luma of each pixel, float32 (batch, height, width, 1); images that have no three channels as they are."""
    if images.shape[3] != 3:
        return images
    # Towards green, whose weight is the rest, so that grey pixels keep every bit.
    red, green, blue = (images[..., channel : channel + 1] for channel in range(3))
    return green + LUMA[0] * (red - green) + LUMA[2] * (blue - green)


def _away_from(other: Any, images: Any, factor: Any) -> Any:
    """Return other + factor x (images - other), cut to 0..255; a factor of 1 leaves every bit."""
    return keras.ops.clip(images + (factor - 1) * (images - other), 0.0, 255.0)


def _turned(images: Any, turn: Any) -> Any:
    """Turn the hue by a share of the circle. With the hue h in sixths, channel n is value - chroma x clip(min(k, 4 - k), 0, 1), k = (n + h) mod 6.

    n is 5, 3 and 1 for red, green and blue (https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative).
    """
    if images.shape[3] != 3:
        return images
    ops = keras.ops
    value = ops.max(images, axis=3, keepdims=True)
    chroma = value - ops.min(images, axis=3, keepdims=True)
    k = ops.mod(_hue(images, value, chroma) + 6 * turn + np.array([5, 3, 1], np.float32), 6.0)
    turned = value - chroma * ops.clip(ops.minimum(k, 4 - k), 0.0, 1.0)
    return ops.where(ops.equal(turn, 0.0), images, turned)


def _hue(images: Any, value: Any, chroma: Any) -> Any:
    """Return the hue in sixths of the circle, -1 to 5; any number where there is no colour."""
    ops = keras.ops
    red, green, blue = (images[..., channel : channel + 1] for channel in range(3))
    parts = ops.maximum(chroma, 1e-6)
    from_green, from_blue = 2 + (blue - red) / parts, 4 + (red - green) / parts
    return ops.where(ops.equal(value, red), (green - blue) / parts, ops.where(ops.equal(value, green), from_green, from_blue))
