"""Gaussian blur."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras

Sigma = Annotated[float, Field(ge=0, le=10)]


@AUGMENTATIONS.register("gaussian_blur")
@dataclass(frozen=True)
class GaussianBlur:
    """Blur an image with a Gaussian of random width, truncated at `radius` pixels and scaled to sum 1, rows then columns.

    The image is continued by its mirror image, without repeating the edge pixel (dcb|abcd|cba).

    Draws: sigma in pixels, uniform in [min_sigma, max_sigma]; 0, which keeps every bit, for an image that is not changed.

    Attributes:
        min_sigma: Smallest standard deviation, pixels, 0 to 10.
        max_sigma: Largest standard deviation, pixels, from min_sigma to 10.
        radius: Radius of the kernel, which has 2 radius + 1 pixels, 1 to 15.
        probability: Fraction of the images that are changed.
    Source:
        torchvision's `GaussianBlur`, which draws one sigma per batch.
    """

    min_sigma: Sigma = 0.1
    max_sigma: Sigma = 2.0
    radius: Annotated[int, Field(ge=1, le=15)] = 2
    probability: Probability = 1.0

    def __post_init__(self) -> None:
        if self.min_sigma > self.max_sigma:
            raise UserError(f"gaussian_blur: max_sigma: expected a number >= min_sigma = {self.min_sigma}, got {self.max_sigma}")

    @property
    def num_draws(self) -> int:
        """One: sigma."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the sigma (pixels) of each sample, float32 (count, 1)."""
        sigmas = occasion.generator().uniform(self.min_sigma, self.max_sigma, (count, 1))
        return np.where(draw_changed(occasion, self.probability, count)[:, None], sigmas, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the blurred images; see `Operation.apply`."""
        kernel = _make_kernel(draws, self.radius)
        blurred = _blur_axis(_blur_axis(images, kernel, 2), kernel, 1)
        return keras.ops.clip(blurred, 0.0, 255.0)


def _make_kernel(sigmas: Any, radius: int) -> Any:
    """Return exp(-x^2 / (2 sigma^2)) for x of -radius to radius, scaled to sum 1: float32 (batch, 2 radius + 1); sigma 0: 1 in the middle."""
    ops = keras.ops
    x = ops.arange(-radius, radius + 1, dtype="float32")
    # Below a hundredth of a pixel, all but the middle is 0 in float32.
    heights = ops.exp(-0.5 * ops.square(x / ops.maximum(sigmas, 0.01)))
    return heights / ops.sum(heights, axis=1, keepdims=True)


def _blur_axis(images: Any, kernel: Any, axis: int) -> Any:
    """Blur along one axis: a weighted sum of shifted copies."""
    ops = keras.ops
    radius = kernel.shape[1] // 2
    size = images.shape[axis]
    padded = ops.take(images, _mirror_indices(np.arange(-radius, size + radius), size), axis=axis)
    result = 0.0
    for start in range(2 * radius + 1):
        shifted = padded[:, start : start + size] if axis == 1 else padded[:, :, start : start + size]
        result = result + shifted * kernel[:, start][:, None, None, None]
    return result


def _mirror_indices(indices: np.ndarray, size: int) -> np.ndarray:
    """Return which pixel of a row of `size` is at any index, int32."""
    period = max(2 * (size - 1), 1)
    within = indices % period
    return np.minimum(within, period - within).astype(np.int32) if size > 1 else np.zeros_like(indices, np.int32)
