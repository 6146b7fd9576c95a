"""One encoded image -> uint8 RGB of the wanted size, by Pillow."""

import io
import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["crop", "stretch", "pad"]


def decode_image(content: bytes, image_size: int, resize: Resize) -> np.ndarray:
    """Decode an image of any of Pillow's formats.

    The first frame is taken. Grey and palette images become RGB; transparency is dropped, the colours below it stay as stored;
    EXIF orientation is not applied: the exported model, which decodes by TensorFlow, does neither. 16-bit grey keeps its upper
    byte, as Pillow does for 16-bit colour. Resampling is bilinear, smoothed where the image shrinks.

    Args:
        content: The file.
        image_size: Height and width of the result, > 0.
        resize: crop: the largest square in the middle; stretch: all of it, proportions lost; pad: all of it, black beside it.
    Returns:
        uint8 (image_size, image_size, 3).
    Raises:
        Exception: Of almost any kind, if the content is damaged, too large to be meant (Pillow's limit), or no image.
    """
    from PIL import Image, ImageOps

    size, method = (image_size, image_size), Image.Resampling.BILINEAR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=_formats()) as image:
            colours = _rgb(image)
    if resize == "crop":
        colours = ImageOps.fit(colours, size, method)
    elif resize == "pad":
        colours = ImageOps.pad(colours, size, method, color=0)
    else:
        colours = colours.resize(size, method)
    return np.asarray(colours)


def _formats() -> list[str]:
    """Return Pillow's formats but for EPS, which it hands to Ghostscript: a program to run, not an image to decode."""
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name != "EPS"]


def _rgb(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels have no scale of 0 to 255")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError("32-bit pixels have no scale of 0 to 255")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    return image.convert("RGB")
