"""Rectangles of whole pixels, drawn on the host and turned into masks on the device.

A box is four numbers: the first column and row inside it, the first column and row beyond it; equal ones make an empty box.
"""

from typing import Any

import numpy as np

from kcifar.core.lazy import keras

BOX_DRAWS = 4  # `make_mask` ignores further columns of a table


def make_boxes(centers: np.ndarray, sides: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Return the boxes around pixels, clipped at the image's border.

    Args:
        centers: Columns and rows of the center pixels, integers (count, 2); for an even side, the right or lower one of the middle two.
        sides: Numbers of columns and rows, integers >= 0, (count, 2).
        image_shape: Height, width, channels.
    Returns:
        float32 (count, 4).
    """
    size = np.array([image_shape[1], image_shape[0]])
    first = centers - sides // 2
    return np.concatenate([np.clip(first, 0, size), np.clip(first + sides, 0, size)], axis=1).astype(np.float32)


def make_mask(boxes: Any, images: Any) -> Any:
    """Return which pixels are in each image's box, boolean tensor (batch, height, width, 1)."""
    ops = keras.ops
    _, height, width, _ = images.shape
    columns, rows = ops.arange(width, dtype="float32"), ops.arange(height, dtype="float32")
    across = (boxes[:, :1] <= columns) & (boxes[:, 2:3] > columns)
    down = (boxes[:, 1:2] <= rows) & (boxes[:, 3:4] > rows)
    return (down[:, :, None] & across[:, None, :])[..., None]
