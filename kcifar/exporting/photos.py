"""Picture files of other sizes and modes than a network's, with which an export is compared with its run."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from kcifar.datasets.reading import Reading

# Heights and widths, in units of the network's: landscape, portrait, tall, small, the very size, and a side that no scale divides evenly.
_SHAPES = {"landscape": (2.0, 3.0), "portrait": (3.0, 2.0), "tall": (4.0, 1.0), "small": (0.6, 0.5), "same": (1.0, 1.0), "odd": (1.37, 2.11)}
# More would only take time, as large networks have large images.
_MAX_EXAMPLES = 6


def make_photos(reading: Reading, images: np.ndarray) -> dict[str, bytes]:
    """Return picture files by what is special about each: sizes as JPEG and PNG, modes, compressions and EXIF orientations.

    Args:
        reading: Whose height and width the sizes refer to, and whose significant bits a deep gray file has.
        images: uint8 (count, height, width, 3): what the photos show, enlarged, under a fine grain that tells filters apart.
    """
    return dict(_make_photos(reading, images[:_MAX_EXAMPLES]))


def _make_photos(reading: Reading, images: np.ndarray) -> Iterator[tuple[str, bytes]]:
    shapes = {name: (max(1, round(height * reading.height)), max(1, round(width * reading.width))) for name, (height, width) in _SHAPES.items()}
    pictures = {name: _make_picture(images[number % len(images)], *shape, number) for number, (name, shape) in enumerate(shapes.items())}
    for name, picture in pictures.items():
        yield f"{name} PNG", _encode(picture, "PNG")
        yield f"{name} JPEG", _encode(picture, "JPEG", quality=90)
    picture = pictures["odd"]
    yield "JPEG of full color resolution", _encode(picture, "JPEG", quality=95, subsampling=0)
    yield "progressive JPEG", _encode(picture, "JPEG", quality=60, progressive=True)
    for mode in ("L", "CMYK"):
        yield f"JPEG of mode {mode}", _encode(picture.convert(mode), "JPEG", quality=90)
    for mode in ("1", "L", "P", "LA", "RGBA"):
        yield f"PNG of mode {mode}", _encode(_convert(picture, mode), "PNG")
    deep = np.asarray(picture.convert("L")).astype(np.uint16) << (reading.bits - 8)
    yield f"PNG of mode I;16, {reading.bits} bits", _encode(Image.fromarray(deep), "PNG")
    for orientation in range(2, 9):
        yield f"JPEG with EXIF orientation {orientation}", _encode(picture, "JPEG", exif=_make_exif(orientation))
    yield "PNG with EXIF orientation 6", _encode(picture, "PNG", exif=_make_exif(6))


def _make_picture(image: np.ndarray, height: int, width: int, seed: int) -> Image.Image:
    large = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(large) + grain, 0, 255).astype(np.uint8))


def _convert(picture: Image.Image, mode: str) -> Image.Image:
    """Return a picture in a mode; an alpha channel falls from opaque to transparent."""
    converted = picture.convert(mode)
    if mode in ("LA", "RGBA"):
        converted.putalpha(Image.linear_gradient("L").resize(picture.size))
    return converted


def _make_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _encode(picture: Image.Image, file_format: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **settings)
    return buffer.getvalue()
