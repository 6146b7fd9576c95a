"""Laws of the search for near-duplicates: the definition, that none is missed or counted twice, and the reported counts."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kcifar.datasets import duplicates
from kcifar.datasets.dataset import Dataset, Split
from kcifar.datasets.duplicate_counts import PAIR_COLUMNS, count_duplicates, write_pairs
from kcifar.datasets.duplicates import MIN_COARSE_SIMILARITY, compute_coarse_features, compute_fine_features, find_duplicates, shrink_images


def smooth_images(count: int, seed: int = 0, side: int = 32) -> np.ndarray:
    """Return images with structure at both scales: random 12x12 pixels, enlarged."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 12, 12, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in small])


def dataset(train: np.ndarray, test: np.ndarray | None = None, labels: list[int] | None = None, test_labels: list[int] | None = None) -> Dataset:
    def make_split(images: np.ndarray, values: list[int] | None) -> Split:
        return Split(images, np.zeros(len(images), np.int64) if values is None else np.array(values, np.int64))

    return Dataset("made", ("cat", "dog"), make_split(train, labels), None if test is None else make_split(test, test_labels))


def pairs(result: duplicates.Duplicates) -> list[tuple[int, int]]:
    return list(zip(result.first.tolist(), result.second.tolist(), strict=True))


IMAGES = smooth_images(12)


@pytest.mark.parametrize("shape", [(32, 32), (30, 20), (17, 40), (9, 8)])
def test_thumbnails_are_means_over_areas(shape: tuple[int, int]) -> None:
    """Against images of which every pixel is eightfold, so that areas are whole blocks; for 32x32 Pillow's box filter does the same."""
    images = np.random.default_rng(1).integers(0, 256, (3, *shape, 3), np.uint8)
    eightfold = images.repeat(8, axis=1).repeat(8, axis=2)
    expected = eightfold.reshape(3, 8, shape[0], 8, shape[1], 3).mean(axis=(2, 4))
    np.testing.assert_allclose(shrink_images(images, 8), expected, rtol=1e-4)
    if shape == (32, 32):
        pillow = np.stack([np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.BOX)) for image in images])
        assert np.abs(expected - pillow).max() < 1.05


def test_thumbnails_of_small_images_are_the_images() -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 5, 7, 3), np.uint8)
    np.testing.assert_allclose(shrink_images(images, 8), images, rtol=1e-6)


def test_features_are_of_length_one_and_do_not_see_contrast_or_brightness() -> None:
    paler = (IMAGES * 0.5 + 100).round().astype(np.uint8)
    for features in (compute_coarse_features, compute_fine_features):
        np.testing.assert_allclose(np.linalg.norm(features(IMAGES), axis=1), 1, rtol=1e-5)
        assert (features(IMAGES) * features(paler)).sum(axis=1).min() > 0.999


def test_a_tint_is_not_seen_at_the_coarse_scale() -> None:
    tinted = np.clip(IMAGES // 2 + np.array([60, 0, 20]), 0, 255).astype(np.uint8)
    assert (compute_coarse_features(IMAGES) * compute_coarse_features(tinted)).sum(axis=1).min() > 0.999


def test_copies_and_altered_copies_are_found_and_nothing_else() -> None:
    noisy = np.clip(IMAGES[:3] + np.random.default_rng(0).normal(0, 8, IMAGES[:3].shape), 0, 255).astype(np.uint8)
    paler = (IMAGES[3:5] * 0.6 + 60).astype(np.uint8)
    result = find_duplicates(dataset(IMAGES, np.concatenate([IMAGES[8:9], noisy, paler, smooth_images(5, seed=9)])))
    assert pairs(result) == [(0, 13), (1, 14), (2, 15), (3, 16), (4, 17), (8, 12)]
    assert result.exact.tolist() == [False] * 5 + [True]
    assert result.similarity[-1] == 1
    assert (result.similarity[:-1] >= 0.75).all()
    assert result.complete


def test_mirror_images_and_other_images_are_not_near_duplicates() -> None:
    assert len(find_duplicates(dataset(IMAGES, IMAGES[:, :, ::-1]))) == 0


def test_flat_images_count_only_as_copies() -> None:
    flat = np.zeros((4, 32, 32, 3), np.uint8)
    flat[1], flat[2] = 90, 91
    assert pairs(find_duplicates(dataset(flat))) == [(0, 3)]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(2, 16), st.integers(1, 6), st.sampled_from([0.5, 0.75, 0.95]))
def test_every_pair_that_the_definition_names_is_found_once(seed: int, count: int, tests: int, similarity: float) -> None:
    """Against all pairs at once, with blocks so small that pairs fall into and between them."""
    random = np.random.default_rng(seed)
    base = smooth_images(4, seed=seed % 1000)[random.integers(0, 4, count + tests)]
    images = np.clip(base + random.normal(0, 40, base.shape) * random.random((len(base), 1, 1, 1)), 0, 255).astype(np.uint8)
    images[random.integers(0, len(images))] = images[0]
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("_ROWS", 3), ("_COLUMNS", 4), ("_PAIRS", 2), ("_CHUNK", 5)):
            patch.setattr(duplicates, name, size)
        result = find_duplicates(dataset(images[:count], images[count:]), similarity)
    coarse, fine = compute_coarse_features(images), compute_fine_features(images)
    agree = (coarse @ coarse.T >= MIN_COARSE_SIMILARITY) & (fine @ fine.T >= similarity)
    copies = (images[:, None] == images[None]).all(axis=(2, 3, 4))
    assert pairs(result) == [tuple(pair) for pair in np.argwhere(np.triu(agree | copies, 1)).tolist()]
    np.testing.assert_array_equal(result.exact, copies[result.first, result.second])


def test_the_search_ends_where_pairs_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 5)
    result = find_duplicates(dataset(np.repeat(IMAGES[:1], 30, axis=0)))
    assert not result.complete
    assert len(result) == 5


def test_counts_and_conflicts_are_reported_by_split() -> None:
    """Train: 0 and 1 copies of different labels; test 0 a copy of both, test 1 altered from train 2, test 2 alone."""
    train = np.concatenate([IMAGES[:1], IMAGES[:1], IMAGES[1:3]])
    paler = (IMAGES[1:2] * 0.6 + 60).astype(np.uint8)
    made = dataset(train, np.concatenate([IMAGES[:1], paler, IMAGES[5:6]]), [0, 1, 0, 0], [0, 0, 0])
    assert count_duplicates(made, find_duplicates(made)) == [
        {"parts": ["train", "train"], "pairs": 1, "exact": 1, "images": 2, "label_conflicts": 1},
        {"parts": ["train", "test"], "pairs": 3, "exact": 2, "images": 2, "label_conflicts": 1},
        {"parts": ["test", "test"], "pairs": 0, "exact": 0, "images": 0, "label_conflicts": 0},
    ]


def test_the_list_names_each_pair_by_split_index_and_class(tmp_path: Path) -> None:
    made = dataset(IMAGES[:3], np.concatenate([IMAGES[7:8], IMAGES[2:3]]), [0, 0, 1], [1, 0])
    write_pairs(made, find_duplicates(made), tmp_path / "pairs.csv")
    rows = list(csv.reader((tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [list(PAIR_COLUMNS), ["train", "2", "dog", "test", "1", "cat", "1.0000", "true", "true"]]
