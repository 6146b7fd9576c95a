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


def test_six_views_are_the_image_its_mirror_and_both_moved_to_two_corners() -> None:
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect").astype(np.float32)
    both = [(one, one[:, :, ::-1]) for one in (padded[:, 1:-1, 1:-1], padded[:, 2:, 2:], padded[:, :-2, :-2])]
    # Mirrored first and moved then is not moved first and mirrored then: the mirror image is moved the same way.
    mirrored = np.pad(IMAGES[:, :, ::-1], ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect").astype(np.float32)
    expected = 0.25 * (both[0][0] + both[0][1])
    expected += 0.125 * (both[1][0] + mirrored[:, 2:, 2:] + both[2][0] + mirrored[:, :-2, :-2])
    found = average_logits_over_views(pixels, IMAGES, np.arange(7), 6)
    np.testing.assert_allclose(found, expected.reshape(7, -1), rtol=1e-6)


def test_two_views_are_the_image_and_its_mirror() -> None:
    found = average_logits_over_views(pixels, IMAGES, np.array([4, 2]), 2)
    chosen = IMAGES[[4, 2]].astype(np.float32)
    np.testing.assert_allclose(found, (0.5 * (chosen + chosen[:, :, ::-1])).reshape(2, -1), rtol=1e-6)
