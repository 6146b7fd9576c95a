"""Resizing inside an exported model is Pillow's, bit for bit."""

from collections.abc import Callable
from functools import cache

import numpy as np
import PIL
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kcifar.datasets.reading import Resize
from kcifar.exporting.resampling_graph import resize_image

# Before Pillow 13, the width always came first.
ALLOWED = 0 if int(PIL.__version__.split(".")[0]) >= 13 else 1


@cache
def compiled(height: int, width: int, resize: Resize) -> Callable[[np.ndarray], tf.Tensor]:
    return tf.function(lambda image: resize_image(image, height, width, resize), input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])


def resized_by_pillow(pixels: np.ndarray, height: int, width: int, resize: Resize) -> np.ndarray:
    image, method = Image.fromarray(pixels), Image.Resampling.BILINEAR
    if resize == "crop":
        return np.asarray(ImageOps.fit(image, (width, height), method))
    if resize == "pad":
        return np.asarray(ImageOps.pad(image, (width, height), method, color=0))
    return np.asarray(image.resize((width, height), method))


SIDES = st.one_of(st.integers(1, 40), st.integers(41, 400))


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (13, 31)])
@settings(max_examples=40)
@given(rows=SIDES, columns=SIDES, seed=st.integers(0, 2**32 - 1))
def test_any_size_becomes_pillows_pixels(height: int, width: int, resize: Resize, rows: int, columns: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    result = compiled(height, width, resize)(pixels).numpy()
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - resized_by_pillow(pixels, height, width, resize)).max() <= ALLOWED


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (32, 32), (64, 96), (900, 1200)])
def test_extreme_shapes_become_pillows_pixels(shape: tuple[int, int], resize: Resize) -> None:
    """One pixel; a line, of which padding leaves nothing; the very size; one that nothing divides evenly by the other."""
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    result = compiled(32, 32, resize)(pixels).numpy()
    assert np.abs(result.astype(int) - resized_by_pillow(pixels, 32, 32, resize)).max() <= ALLOWED


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay_what_they_are(value: int) -> None:
    """The integers of the weights need not add up to one exactly."""
    pixels = np.full((71, 97, 3), value, np.uint8)
    assert (compiled(32, 32, "stretch")(pixels).numpy() == value).all()
