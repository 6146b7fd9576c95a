"""Images as pixels of a picture: enlarged or shrunk, and framed."""

import numpy as np

FRAME = 1  # dots
_FRAME_GRAY = 176


def enlarge(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image as large as fits a square: each pixel repeated a whole number of times, or blocks of so many pixels averaged.

    Args:
        image: uint8 (height, width, 3).
        side: Of the square, in pixels.
    """
    longest = max(image.shape[:2])
    if longest <= side:
        times = side // longest
        return image.repeat(times, axis=0).repeat(times, axis=1)
    block = -(-longest // side)
    rows, columns = (np.arange(0, length, block) for length in image.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(image, rows, axis=0, dtype=np.int64), columns, axis=1)
    counts = np.outer(np.diff([*rows, image.shape[0]]), np.diff([*columns, image.shape[1]]))
    return np.asarray(np.rint(sums / counts[:, :, None]), np.uint8)


def paste_framed(canvas: np.ndarray, image: np.ndarray, left: int, top: int) -> None:
    """Put an image into a canvas, in a thin frame, since the edge of a white image would not be visible.

    Args:
        canvas: uint8 (height, width, 3 or 4), changed in place; opaque there.
        image: uint8 (height, width, 3).
        left: Of the image without its frame.
        top: Likewise.
    """
    height, width = image.shape[:2]
    framed = canvas[top - FRAME : top + height + FRAME, left - FRAME : left + width + FRAME]
    framed[..., :3], framed[..., 3:] = _FRAME_GRAY, 255
    canvas[top : top + height, left : left + width, :3] = image
