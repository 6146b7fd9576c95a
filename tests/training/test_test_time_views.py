"""Test-time views, against the six of airbench written out."""

import numpy as np
import pytest

from kcifar.training.test_time_views import VIEWS, average_logits_over_views

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), dtype=np.uint8)


def pixels(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Logits that tell every pixel apart."""
    return images[indices].reshape(len(indices), -1).astype(np.float32)


@pytest.mark.parametrize("views", VIEWS)
def test_weights_sum_to_one_and_count(views: int) -> None:
    assert len(VIEWS[views]) == views
    assert sum(weight for *_, weight in VIEWS[views]) == 1


def average_over_mirror(images: np.ndarray) -> np.ndarray:
    """`infer_mirror` of airbench94.py, for images with the channels last and logits that are the pixels."""
    return 0.5 * images + 0.5 * images[:, :, ::-1]


def test_six_views_are_those_of_airbench() -> None:
    """`infer_mirror_translate` of airbench94.py (Jordan, 2024): both corners of the padded image are cut out, and then each is mirrored."""
    height, width = IMAGES.shape[1:3]
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect").astype(np.float32)
    corners = [padded[:, 0:height, 0:width], padded[:, 2 : 2 + height, 2 : 2 + width]]
    expected = 0.5 * average_over_mirror(IMAGES.astype(np.float32)) + 0.5 * np.mean([average_over_mirror(corner) for corner in corners], axis=0)
    found = average_logits_over_views(pixels, IMAGES, np.arange(7), 6)
    np.testing.assert_allclose(found, expected.reshape(7, -1), rtol=1e-6)


def test_a_moved_view_is_mirrored_about_its_own_middle() -> None:
    """One bright pixel, where the order shows: mirrored first and moved then, its mirror image would move to the wrong side."""
    image = np.zeros((1, 7, 7, 3), np.uint8)
    image[0, 3, 2] = 80
    found = average_logits_over_views(pixels, image, np.array([0]), 6).reshape(7, 7, 3)[..., 0]
    expected = np.zeros((7, 7))
    for row, columns, weight in ((3, (2, 4), 0.25), (2, (1, 5), 0.125), (4, (3, 3), 0.125)):
        for column in columns:
            expected[row, column] += 80 * weight
    np.testing.assert_allclose(found, expected)


def test_two_views_are_the_image_and_its_mirror() -> None:
    found = average_logits_over_views(pixels, IMAGES, np.array([4, 2]), 2)
    chosen = IMAGES[[4, 2]].astype(np.float32)
    np.testing.assert_allclose(found, (0.5 * (chosen + chosen[:, :, ::-1])).reshape(2, -1), rtol=1e-6)
