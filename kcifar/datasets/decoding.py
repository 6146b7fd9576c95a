"""Decodes one image file with Pillow to uint8 RGB of a given size."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from kcifar.datasets.orientation import find_orientation
from kcifar.datasets.reading import Reading
from kcifar.datasets.sample_depth import find_peak, reduce_to_eight_bits

if TYPE_CHECKING:
    from PIL import Image


def decode_image(content: bytes, reading: Reading) -> np.ndarray:
    """Decode an image in any of Pillow's formats: the one way in which picture files become pixels, also of an exported model.

    The first frame is used, upright: EXIF's orientation is applied. Gray, palette and CMYK images become RGB; transparency is dropped, and
    the colors below it stay as stored. Of more than 8 bits, gray keeps the upper ones of `reading.bits`; color, the upper ones of 16, as Pillow
    does. Resampling is bilinear, with smoothing where the image shrinks.

    Args:
        content: The bytes of the file.
        reading: Size of the result, and how it is reached.
    Returns:
        uint8 (height, width, 3).
    Raises:
        Exception: Of almost any kind, if the content is damaged, suspiciously large (Pillow's limit), or not an image.
    """
    from PIL import Image, ImageOps

    size, method = (reading.width, reading.height), Image.Resampling.BILINEAR
    with _open_image(content) as image:
        colors = reduce_to_eight_bits(image, reading.bits).convert("RGB")
        upright = _turn_upright(colors, find_orientation(content, image))  # after loading, as Pillow itself turns a TIFF then
    if reading.resize == "crop":
        resized = ImageOps.fit(upright, size, method)
    elif reading.resize == "pad":
        resized = ImageOps.pad(upright, size, method, color=0)
    else:
        resized = upright.resize(size, method)
    return np.asarray(resized)


def measure_peak(content: bytes) -> int | None:
    """Return the largest value of a picture that has more than 8 bits per sample and does not say how many are significant; else None.

    Raises:
        Exception: As `decode_image`.
    """
    with _open_image(content) as image:
        return find_peak(image)


@contextmanager
def _open_image(content: bytes) -> "Iterator[Image.Image]":
    """Open an image without loading its pixels; what Pillow only warns of is passed over, unless it is the size."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(content), formats=_list_formats())
        except UnidentifiedImageError:  # Pillow names the object in memory
            raise UnidentifiedImageError("not a picture of a known format, or damaged where it begins") from None
        with image:
            yield image


def _list_formats() -> list[str]:
    """Return Pillow's formats except EPS, which it passes to Ghostscript: a program to run, not an image to decode."""
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name != "EPS"]


def _turn_upright(image: "Image.Image", orientation: int) -> "Image.Image":
    """Return an image upright, from the orientation in which it is stored: 1 to 8."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image
