"""What an exported model reads from PNG and JPEG files is what `decode_image` reads, and what it cannot read alike is refused in words."""

import random
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from archives import encoded
from picture_files import EXIF_CASES, PNG_SIGNATURE, chunk, make_exif, make_noise_png
from PIL import Image

from kcifar.datasets.decoding import decode_image
from kcifar.datasets.orientation import find_orientation
from kcifar.datasets.reading import Reading
from kcifar.exporting.orientation_graph import find_orientation as find_orientation_in_graph
from kcifar.exporting.reading_graph import MAX_PIXELS, read_images

CROP, TWELVE_BITS = Reading(16, 16), Reading(16, 24, "pad", 12)
NOISE = np.random.default_rng(0).integers(0, 256, (41, 59, 3), np.uint8)
SMOOTH = Image.fromarray(NOISE[:5, :7]).resize((59, 41), Image.Resampling.BICUBIC)


@cache
def compiled(reading: Reading) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(lambda files: read_images(files, reading), input_signature=[tf.TensorSpec((None,), tf.string)])


def largest_difference(content: bytes, reading: Reading = CROP) -> int:
    read = compiled(reading)(tf.constant([content])).numpy()[0]
    return int(np.abs(read.astype(int) - decode_image(content, reading)).max())


def refusal(content: bytes, reading: Reading = CROP) -> str:
    """Return why the second file of a request is refused."""
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        compiled(reading)(tf.constant([encoded(NOISE), content]))
    return str(caught.value)


KINDS = [(0, depth) for depth in (1, 2, 4, 8, 16)] + [(2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
TRANSPARENT = {0: b"\0\1", 2: b"\0\1\0\1\0\1", 3: b"\0\x80"}


@pytest.mark.parametrize(("color_type", "depth"), KINDS)
def test_every_kind_of_png_is_read_alike(color_type: int, depth: int) -> None:
    """Gray, color, palette, with and without transparency, of 1 to 16 bits; a gamma and significant bits change nothing."""
    extras = [b"", chunk(b"gAMA", b"\0\1\x86\xa0"), chunk(b"sBIT", b"\1" * {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[color_type])]
    extras += [chunk(b"tRNS", TRANSPARENT[color_type])] if color_type in TRANSPARENT else []
    assert [largest_difference(make_noise_png(23, 17, depth, color_type, extra)) for extra in extras] == [0] * len(extras)


@pytest.mark.parametrize("picture", [SMOOTH, Image.fromarray(NOISE)], ids=["smooth", "noise"])
@pytest.mark.parametrize(
    "settings",
    [{"quality": 90}, {"quality": 30}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"keep_rgb": True}, {"restart_marker_rows": 1}],
    ids=str,
)
def test_every_compression_of_a_jpeg_is_read_alike(settings: dict[str, object], picture: Image.Image) -> None:
    assert largest_difference(encoded(picture, "JPEG", **settings)) == 0
    assert largest_difference(encoded(picture.convert("L"), "JPEG")) == 0


def test_cmyk_differs_by_one_level_at_most_and_needs_adobes_marker() -> None:
    """Without the marker, TensorFlow would take the colors for their inverse."""
    noise = np.random.default_rng(1).integers(0, 256, (41, 59, 4), np.uint8)
    content = encoded(Image.frombytes("CMYK", (59, 41), noise.tobytes()), "JPEG", quality=100)
    assert largest_difference(content) <= 1
    marker = content.index(b"\xff\xee")
    without = content[:marker] + content[marker + 2 + int.from_bytes(content[marker + 2 : marker + 4]) :]
    assert "image_bytes[1]: expected gray, RGB or CMYK with an Adobe marker in a JPEG file, got CMYK without one" in refusal(without)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_alike(orientation: int, file_format: str) -> None:
    assert largest_difference(encoded(NOISE, file_format, exif=make_exif(orientation))) == 0


find_in_graph = tf.function(find_orientation_in_graph, input_signature=[tf.TensorSpec((), tf.string)])


@pytest.mark.parametrize(("exif", "expected"), EXIF_CASES)
def test_exif_data_mean_the_same_orientation(exif: bytes, expected: int) -> None:
    assert int(find_in_graph(b"\xff\xd8\xff\xe1" + (8 + len(exif)).to_bytes(2) + b"Exif\0\0" + exif + b"\xff\xda\0\0")) == expected
    assert int(find_in_graph(PNG_SIGNATURE + chunk(b"eXIf", exif) + chunk(b"IEND", b""))) == expected


def test_twelve_bits_are_scaled_alike_and_more_are_refused() -> None:
    gray = NOISE[..., 0].astype(np.uint16) * 16
    for content in (encoded(gray), encoded(NOISE), encoded(SMOOTH, "JPEG"), make_noise_png(23, 17, 8, 4), make_noise_png(23, 17, 4, 0)):
        assert largest_difference(content, TWELVE_BITS) == 0
    assert "image_bytes[1]: expected gray values from 0 to 4095, got 4096" in refusal(
        encoded(np.maximum(gray, 4096 * (gray == gray.max()).astype(np.uint16))), TWELVE_BITS
    )
    assert "expected gray values of 12 significant bits in a PNG file of 16, got color" in refusal(make_noise_png(23, 17, 16, 2), TWELVE_BITS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected a PNG or JPEG file, got no bytes"),
        (b"hello", "expected a PNG or JPEG file, got bytes of an unknown format"),
        (b"<html>", "expected a PNG or JPEG file, got a text"),
        (encoded(NOISE, "GIF"), "expected a PNG or JPEG file, got GIF"),
        (encoded(NOISE, "BMP"), "expected a PNG or JPEG file, got BMP"),
        (encoded(NOISE, "WEBP"), "expected a PNG or JPEG file, got WebP"),
        (encoded(NOISE, "TIFF"), "expected a PNG or JPEG file, got TIFF"),
        (encoded(NOISE)[:20], "expected a PNG file, got only the first bytes of one"),
        (encoded(Image.new("1", (10_000, 10_000))), "expected an image of at most 89478485 pixels, got 10000 x 10000"),
    ],
)
def test_other_bytes_are_refused_in_words(content: bytes, expected: str) -> None:
    assert f"image_bytes[1]: {expected}" in refusal(content)


def test_the_limit_of_pixels_is_pillows() -> None:
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_truncated_files_are_refused_by_both(file_format: str, keep: float) -> None:
    content = encoded(NOISE, file_format)
    content = content[: int(keep * len(content))]
    with pytest.raises(OSError, match=r"(?i)truncated"):
        decode_image(content, CROP)
    assert f"Invalid {file_format} data" in refusal(content)


def test_files_with_damaged_heads_have_the_same_orientation() -> None:
    """Random bytes where segments, chunks and EXIF data begin: neither reader fails, and they agree."""
    generator, image, found = random.Random(0), Image.new("RGB", (8, 8)), set()
    for _ in range(400):
        exif = make_exif(generator.randrange(10))
        exif.endian = generator.choice("<>")
        content = bytearray(encoded(image, generator.choice(["JPEG", "PNG"]), exif=exif.tobytes()))
        first = len(PNG_SIGNATURE) if content.startswith(PNG_SIGNATURE) else 3
        for _ in range(generator.randrange(6)):
            content[generator.randrange(first, min(len(content), 120))] = generator.choice(
                [0, 1, 2, 3, 4, 6, 8, 0x12, 0xFF, generator.randrange(256)]
            )
        damaged = bytes(content[: generator.choice([len(content), generator.randrange(first, len(content))])])
        expected = find_orientation(damaged, image)
        assert int(find_in_graph(damaged)) == expected
        found.add(expected)
    assert found == set(range(1, 9))
