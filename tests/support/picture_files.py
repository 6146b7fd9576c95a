"""Picture files made by hand, of kinds that Pillow reads but does not write."""

import struct
import zlib

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def make_exif(orientation: int) -> Image.Exif:
    """Return EXIF data with an orientation behind another tag."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif[0x0112] = orientation
    return exif


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(width: int, height: int, depth: int, color_type: int, rows: bytes, before: bytes = b"") -> bytes:
    """Return a PNG from rows of unfiltered bytes; `before` are chunks ahead of the pixels (PNG, third edition, 5.3 and 11.2)."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return PNG_SIGNATURE + header + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_noise_png(width: int, height: int, depth: int, color_type: int, before: bytes = b"") -> bytes:
    """Return a PNG of random samples; a palette has random colors."""
    random = np.random.default_rng(depth + 16 * color_type)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    rows = b"".join(b"\0" + random.bytes((width * depth * channels + 7) // 8) for _ in range(height))
    palette = chunk(b"PLTE", random.bytes(3 << depth)) if color_type == 3 else b""
    return make_png(width, height, depth, color_type, rows, palette + before)


def _make_exif_bytes(order: str, kind: int, value: bytes, tag: int = 0x0112) -> bytes:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return head + struct.pack(f"{order}IHHHI", 8, 1, tag, kind, 1) + value + bytes(4)


# EXIF data and the orientation that they mean: both byte orders and types, and damage, which means upright.
EXIF_CASES = [
    (_make_exif_bytes("<", 3, b"\x06\0\0\0"), 6),
    (_make_exif_bytes(">", 3, b"\0\x06\0\0"), 6),
    (_make_exif_bytes("<", 4, b"\x06\0\0\0"), 6),
    (_make_exif_bytes(">", 4, b"\0\0\0\x06"), 6),
    (_make_exif_bytes(">", 3, b"\0\x09\0\0"), 1),
    (_make_exif_bytes(">", 3, b"\0\0\0\0"), 1),
    (_make_exif_bytes(">", 2, b"\0\x06\0\0"), 1),
    (_make_exif_bytes(">", 3, b"\0\x06\0\0", tag=0x0111), 1),
    (_make_exif_bytes(">", 3, b"\0\x06\0\0")[:20], 1),
    (b"XX" + _make_exif_bytes(">", 3, b"\0\x06\0\0")[2:], 1),
    (b"MM\0*\xff\xff\xff\xff", 1),
    (b"MM", 1),
    (b"", 1),
]
