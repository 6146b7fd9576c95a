"""Decodes one image file with Pillow to uint8 RGB of a given size."""

import io
import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["crop", "stretch", "pad"]


def decode_image(content: bytes, image_size: int, resize: Resize) -> np.ndarray:
    """Decode an image in any of Pillow's formats.

    The first frame is used. Gray and palette images become RGB; transparency is dropped, and the colors below it stay as stored;
    EXIF orientation is not applied: the exported model, which decodes with TensorFlow, does neither. 16-bit gray keeps its upper
    byte, as Pillow does for 16-bit color. Resampling is bilinear, with smoothing where the image shrinks.

    Args:
        content: The bytes of the file.
        image_size: Height and width of the result, > 0.
        resize: crop: the largest square in the middle; stretch: the entire image, distorted; pad: the entire image, with black borders.
    Returns:
        uint8 (image_size, image_size, 3).
    Raises:
        Exception: Of almost any kind, if the content is damaged, suspiciously large (Pillow's limit), or not an image.
    """
    from PIL import Image, ImageOps

    size, method = (image_size, image_size), Image.Resampling.BILINEAR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=_list_formats()) as image:
            colors = _convert_to_rgb(image)
    if resize == "crop":
        colors = ImageOps.fit(colors, size, method)
    elif resize == "pad":
        colors = ImageOps.pad(colors, size, method, color=0)
    else:
        colors = colors.resize(size, method)
    return np.asarray(colors)


def _list_formats() -> list[str]:
    """Return Pillow's formats except EPS, which it passes to Ghostscript: a program to run, not an image to decode."""
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name != "EPS"]


def _convert_to_rgb(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels have no scale of 0 to 255")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError("32-bit pixels have no scale of 0 to 255")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    return image.convert("RGB")
