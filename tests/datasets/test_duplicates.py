"""Laws of the search for near-duplicates: the definition, that none is missed or counted twice, and the reported counts."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kcifar.datasets import duplicates
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.digits import digits
from kcifar.datasets.duplicate_counts import MAX_FRACTION, PAIR_COLUMNS, count_duplicates, find_alike_classes, write_pairs
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
    assert rows == [list(PAIR_COLUMNS), ["train", "2", "dog", "test", "1", "cat", "1.0000", "true", "true", "false"]]


def vary(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the images with noise that leaves them near-duplicates."""
    return np.clip(images + np.random.default_rng(seed).normal(0, 8, images.shape), 0, 255).astype(np.uint8)


def test_images_that_are_all_alike_are_not_called_duplicates() -> None:
    """Class 0: 30 different pictures and altered copies of three; class 1: 30 variations of one picture, and an exact copy."""
    different, one = smooth_images(30, seed=1), smooth_images(1, seed=2)
    alike = vary(np.repeat(one, 30, axis=0))
    train = np.concatenate([different, vary(different[:3]), alike, alike[:1]])
    made = dataset(train, labels=[0] * 33 + [1] * 31)
    found = find_duplicates(made)
    assert len(found) == 3 + 31 * 30 // 2
    assert find_alike_classes(made, found).tolist() == [1]
    assert count_duplicates(made, found) == [{"parts": ["train", "train"], "pairs": 4, "exact": 1, "images": 8, "label_conflicts": 0}]


@pytest.mark.parametrize(("copies", "is_alike"), [(int(32 * MAX_FRACTION) // 2, False), (int(32 * MAX_FRACTION) // 2 + 1, True)])
def test_a_class_is_alike_if_more_than_the_fraction_of_its_images_have_a_near_duplicate(copies: int, is_alike: bool) -> None:
    different = smooth_images(32 - copies, seed=1)
    made = dataset(np.concatenate([different, vary(different[:copies])]))
    assert (find_alike_classes(made, find_duplicates(made)).tolist() == [0]) == is_alike
    exact = dataset(np.concatenate([different, different[:copies]]))
    assert len(find_alike_classes(exact, find_duplicates(exact))) == 0  # exact copies say nothing about the others


def test_small_classes_are_judged_together() -> None:
    few, many = smooth_images(4, seed=1), smooth_images(12, seed=2)
    pair = dataset(np.concatenate([few, vary(few)]), labels=[0, 0, 1, 1, 0, 0, 1, 1])
    assert len(find_alike_classes(pair, find_duplicates(pair))) == 0
    both = dataset(np.concatenate([many, vary(many)]), labels=[k % 2 for k in range(24)])
    assert find_alike_classes(both, find_duplicates(both)).tolist() == [0, 1]


def test_no_digit_is_called_a_duplicate(tmp_path: Path) -> None:
    """Digits of one class look alike, and none is a copy of another: at this similarity, 1,419 of the 1,437 training images have a pair."""
    made = digits(Source())
    assert made.test is not None
    some = Dataset("digits", made.class_names, Split(made.train.images[:600], made.train.labels[:600]))
    found = find_duplicates(some)
    assert len(np.unique(np.concatenate([found.first, found.second]))) > 500
    assert find_alike_classes(some, found).tolist() == list(range(10))
    assert [row["images"] for row in count_duplicates(some, found)] == [0]
    write_pairs(some, found, tmp_path / "pairs.csv")
    rows = list(csv.DictReader((tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(found)
    assert {row["alike"] for row in rows} == {"true"}
