"""Photos are turned upright: what EXIF says of a file decides, whatever its format, and damaged data never make a photo unreadable."""

import io
import struct

import numpy as np
import pytest
from archives import encoded
from picture_files import EXIF_CASES, make_exif
from PIL import Image, ImageOps

from kcifar.datasets.decoding import decode_image
from kcifar.datasets.orientation import parse_orientation
from kcifar.datasets.reading import Reading

READING = Reading(24, 24, "stretch")
UPRIGHT = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8))
# How a camera that was held otherwise stores an upright scene (CIPA DC-008, 4.6.4 D): the inverse of what a viewer does.
STORED = {
    1: UPRIGHT,
    2: UPRIGHT.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: UPRIGHT.rotate(180),
    4: UPRIGHT.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: UPRIGHT.transpose(Image.Transpose.TRANSPOSE),
    6: UPRIGHT.rotate(90),  # counterclockwise; the viewer turns clockwise
    7: UPRIGHT.transpose(Image.Transpose.TRANSVERSE),
    8: UPRIGHT.rotate(-90),
}


@pytest.mark.parametrize(("file_format", "settings"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_turned_upright(orientation: int, file_format: str, settings: dict[str, object]) -> None:
    content = encoded(STORED[orientation], file_format, exif=make_exif(orientation), **settings)
    np.testing.assert_array_equal(decode_image(content, READING), np.asarray(UPRIGHT))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    "before", [b"", b"\xff\xfe\x00\x06note", b"\xff\xff\xff\xe1\x00\x0bhttp://ab"], ids=["nothing", "comment", "fill byte and XMP"]
)
def test_a_jpeg_is_turned_as_pillow_turns_it(orientation: int, before: bytes) -> None:
    content = encoded(STORED[orientation], "JPEG", exif=make_exif(orientation))
    content = content[:2] + before + content[2:]
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decode_image(content, READING), expected)
    assert (orientation == 1) == np.array_equal(decode_image(content, READING), np.asarray(Image.open(io.BytesIO(content))))


def test_the_photo_is_turned_before_it_is_cropped() -> None:
    """The middle of a tall photo, black in its upper third, is not the middle of what the camera stored."""
    upright = np.full((90, 30, 3), 200, np.uint8)
    upright[:30] = 0
    stored = Image.fromarray(upright).rotate(90, expand=True)
    content = encoded(stored, "PNG", exif=make_exif(6))
    assert (decode_image(content, Reading(30, 30, "crop")) == 200).all()
    assert (decode_image(content, Reading(30, 10, "stretch"))[:9] == 0).all()


@pytest.mark.parametrize(("exif", "expected"), EXIF_CASES)
def test_the_tag_is_found_in_both_byte_orders_and_damage_means_upright(exif: bytes, expected: int) -> None:
    assert parse_orientation(exif) == expected


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_damaged_exif_data_leave_the_photo_as_it_is(file_format: str) -> None:
    plain = decode_image(encoded(UPRIGHT, file_format), READING)
    content = (
        encoded(UPRIGHT, file_format, exif=make_exif(6))
        if file_format == "TIFF"
        else encoded(UPRIGHT, file_format, exif=b"Exif\0\0MM\0*\0\0\0\x08\0")
    )
    if file_format == "TIFF":  # the tag's type is one that does not exist
        place = max(content.find(struct.pack("<HH", 0x0112, 3)), content.find(struct.pack(">HH", 0x0112, 3)))
        content = content[: place + 2] + b"\xee\xee" + content[place + 4 :]
    np.testing.assert_array_equal(decode_image(content, READING), plain)
