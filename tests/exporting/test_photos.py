"""The photos with which exports are compared tell every rule of reading from its neighbors."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcifar.datasets.decoding import decode_image
from kcifar.datasets.reading import Reading
from kcifar.exporting.photos import make_photos

READING = Reading(24, 24)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
PHOTOS = make_photos(READING, IMAGES)


def opened() -> list[Image.Image]:
    return [Image.open(io.BytesIO(content)) for content in PHOTOS.values()]


def test_sizes_modes_formats_and_orientations_are_all_there() -> None:
    images = opened()
    sizes = {image.size for image in images}
    for axis in range(2):
        assert {np.sign(size[axis] - 24) for size in sizes} == {-1, 0, 1}
    assert {np.sign(width - height) for width, height in sizes} == {-1, 0, 1}
    assert {image.format for image in images} == {"PNG", "JPEG"}
    assert {image.mode for image in images} == {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"}
    assert {image.getexif().get(0x0112, 1) for image in images} == set(range(1, 9))


def test_the_same_arguments_make_the_same_files() -> None:
    assert make_photos(READING, IMAGES) == PHOTOS


def read_without_smoothing(content: bytes) -> np.ndarray:
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return tf.image.resize(tf.cast(image, tf.float32), (24, 24), method="bilinear").numpy()


def read_on_its_side(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        stripped = io.BytesIO()
        image.save(stripped, image.format, quality=90)
    return decode_image(stripped.getvalue(), READING)


@pytest.mark.parametrize(
    ("read", "least"),
    [
        (lambda content: decode_image(content, Reading(24, 24, "stretch")), 20),
        (lambda content: decode_image(content, Reading(24, 24, "pad")), 20),
        (read_without_smoothing, 20),
        (read_on_its_side, 6),
    ],
    ids=["stretched", "padded", "not antialiased", "orientation ignored"],
)
def test_another_rule_would_be_seen_in_many_photos(read: Callable[[bytes], np.ndarray], least: int) -> None:
    """By far more than the one level that a pixel may differ."""
    differences = [np.abs(read(content).astype(float) - decode_image(content, READING)).max() for content in PHOTOS.values()]
    assert sum(difference > 30 for difference in differences) >= least
