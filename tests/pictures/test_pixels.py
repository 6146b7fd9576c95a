"""Images put into pictures: each in a frame of its own, and nothing else is touched."""

import numpy as np
import pytest

from kcifar.pictures.pixels import FRAME, paste_framed


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 7)])
def test_an_image_has_a_frame_around_it_and_nothing_else_changes(height: int, width: int, channels: int) -> None:
    canvas = np.full((20, 20, channels), 255, np.uint8)
    image = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    paste_framed(canvas, image, 5, 9)
    assert (canvas[9 : 9 + height, 5 : 5 + width, :3] == image).all()
    framed = canvas[9 - FRAME : 9 + height + FRAME, 5 - FRAME : 5 + width + FRAME, :3].astype(int)
    assert {tuple(pixel) for pixel in (*framed[0], *framed[-1], *framed[:, 0], *framed[:, -1])} == {(176, 176, 176)}
    changed = (canvas != 255).any(axis=2)
    assert changed.sum() == (height + 2 * FRAME) * (width + 2 * FRAME)
    assert (canvas[:, :, 3:] == 255).all()
