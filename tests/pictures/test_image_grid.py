"""Sizes of the images in a grid. Its text, titles and files: `tests/commands/test_datasets.py`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.pictures.image_grid import Grid, GridCell, GridRow, draw_grid

SIDE, MAX_SIDE = 128, 192


def drawn_image(image: np.ndarray) -> np.ndarray:
    """Return the pixels of the only image of a grid, without its frame."""
    grid = Grid("", "", (GridRow((), (GridCell(image),)),))
    canvas = np.asarray(draw_grid(grid).axes[0].images[0].get_array())
    rows, columns = (np.flatnonzero((canvas != 255).any(axis=(axis, 2))) for axis in (1, 0))
    return canvas[rows[1] : rows[-1], columns[1] : columns[-1]]


@given(height=st.integers(1, 500), width=st.integers(1, 500))
def test_images_are_enlarged_by_the_factor_nearest_to_the_side_or_shrunk_below_the_largest(height: int, width: int) -> None:
    image = np.full((height, width, 3), 100, np.uint8)
    shown, longest = drawn_image(image), max(height, width)
    assert (shown == 100).all()
    if longest > MAX_SIDE:
        assert MAX_SIDE / 2 < max(shown.shape) <= MAX_SIDE
    else:
        factor = max(shown.shape[:2]) // longest
        assert shown.shape[:2] == (factor * height, factor * width)
        assert factor == 1 or all(abs(factor * longest - SIDE) <= abs(times * longest - SIDE) for times in (factor - 1, factor + 1))


@pytest.mark.parametrize("side", [4, 48, 128])
def test_every_pixel_is_a_square(side: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    shown = drawn_image(image)
    times = shown.shape[0] // side
    assert (shown == image.repeat(times, axis=0).repeat(times, axis=1)).all()
