"""The orientation that a picture file asks for: EXIF's tag 0x0112 (CIPA DC-008, Exif 2.32, 4.6.4), as cameras write it.

JPEG and PNG are read here, byte by byte, and in `kcifar/exporting/orientation_graph.py`, which does the same inside an exported model.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_TAG, _SHORT, _LONG = 0x0112, 3, 4
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
# Markers without a length: TEM and the restart markers.
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
PNG_SIGNATURE, JPEG_SIGNATURE = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def find_orientation(content: bytes, image: "Image.Image") -> int:
    """Return how the pixels of a file are stored: 1 (upright) to 8.

    The first EXIF segment of a JPEG before its scan, or the chunk eXIf of a PNG, counts; in other formats, what Pillow finds. Data that
    is damaged, or a value that EXIF does not define, means upright, as it does to viewers.

    Args:
        content: The bytes of the file.
        image: The same file, opened by Pillow.
    """
    if content.startswith(JPEG_SIGNATURE):
        return parse_orientation(_find_jpeg_exif(content))
    if content.startswith(PNG_SIGNATURE):
        return parse_orientation(_find_png_exif(content))
    try:
        value = image.getexif().get(_TAG, 1)
    except Exception:  # damaged EXIF data fail in almost any way, and do not make the picture unreadable
        return 1
    return value if value in range(1, 9) else 1


def parse_orientation(exif: bytes) -> int:
    """Return the orientation that the first directory of EXIF data (a TIFF header and what follows) names, or 1."""
    if exif[:2] not in (b"II", b"MM"):
        return 1

    def read_number(start: int, size: int) -> int:
        return int.from_bytes(exif[start : start + size], "little" if exif[:2] == b"II" else "big")

    directory = read_number(4, 4)
    entries = range(directory + 2, len(exif) - 11, 12)[: read_number(directory, 2)]
    entry = next((start for start in entries if read_number(start, 2) == _TAG), None)
    size = {_SHORT: 2, _LONG: 4}.get(read_number(entry + 2, 2), 0) if entry is not None else 0
    value = read_number(entry + 8, size) if entry is not None else 1
    return value if value in range(1, 9) else 1


def _find_jpeg_exif(content: bytes) -> bytes:
    """Return the EXIF data of a JPEG's first such segment before the scan, or nothing."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4])
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE) or length < 2:
            break
        else:
            segment = content[position + 4 : position + 2 + length]
            if marker == _APP1 and segment.startswith(b"Exif\0\0"):
                return segment[6:]
            position += 2 + length
    return b""


def _find_png_exif(content: bytes) -> bytes:
    """Return the data of a PNG's first chunk eXIf, or nothing."""
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(content) and content[position + 4 : position + 8] != b"IEND":
        length = int.from_bytes(content[position : position + 4])
        if content[position + 4 : position + 8] == b"eXIf":
            return content[position + 8 : position + 8 + length]
        position += 12 + length
    return b""
