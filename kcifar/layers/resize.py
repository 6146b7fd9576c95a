"""Resizing of images inside a model, as two matrix products: the same on every backend, and compiled by XLA."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="kcifar")
class ResizeImages(keras.layers.Layer):  # type: ignore[misc]
    """Resizes float images (batch, height, width, channels) bilinearly, with a wider triangle filter when it shrinks them (antialiasing).

    Args:
        height: Height of the result, pixels.
        width: Width of the result, pixels.
    Source:
        Pillow's `Image.resize` with `BILINEAR`, which also rounds after each of the two passes.
    """

    def __init__(self, height: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.height, self.width = height, width

    def call(self, images: Any) -> Any:
        """Return the resized images, float32."""
        return resize(images, self.height, self.width)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, height, width, channels)."""
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "height": self.height, "width": self.width}


def resize(images: Any, height: int, width: int) -> Any:
    """Return the resized images, float (batch, height, width, channels)."""
    rows, columns = make_resampling_matrix(images.shape[1], height), make_resampling_matrix(images.shape[2], width)
    ops = keras.ops
    return ops.einsum("yr,brxc->byxc", rows, ops.einsum("xs,brsc->brxc", columns, images))


def make_resampling_matrix(size: int, new_size: int) -> np.ndarray:
    """Return the weights of the old pixels in each new pixel, float32 (new_size, size); each row sums to 1."""
    step = size / new_size
    radius = max(1.0, step)
    centers = (np.arange(new_size) + 0.5) * step
    distances = np.abs(np.arange(size)[None] + 0.5 - centers[:, None]) / radius
    weights = np.maximum(0.0, 1.0 - distances)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
