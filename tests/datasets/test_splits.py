"""Laws of the stratified split, and of the statistics and checksum of a data set."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from archives import refusal
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kcifar.datasets.arrays import from_arrays
from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.statistics import compute_channel_statistics, count_classes
from kcifar.datasets.stratified_split import split_off

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(np.array)
GOLDEN_START = [8, 16, 17, 24, 25, 30, 34, 35]
GOLDEN_SUM = "b367618769b883280c380aab4b43728ed4e9d0938676239439bc6e108c940e94"
SEEDS = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(LABELS, st.data(), SEEDS)
def test_splits_are_disjoint_complete_sorted_and_of_the_asked_size(labels: np.ndarray, data: st.DataObject, seed: int) -> None:
    count = data.draw(st.integers(0, len(labels) - 1))
    train, validation = split_off(labels, count, seed)
    assert len(validation) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    for indices in (train, validation):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()


@settings(deadline=None)
@given(LABELS, st.data(), SEEDS)
def test_every_class_contributes_its_fraction_within_one(labels: np.ndarray, data: st.DataObject, seed: int) -> None:
    count = data.draw(st.integers(0, len(labels) - 1))
    _, validation = split_off(labels, count, seed)
    taken, present = np.bincount(labels[validation], minlength=7), np.bincount(labels, minlength=7)
    assert (np.abs(taken - count * present / len(labels)) < 1).all()


@settings(deadline=None)
@given(LABELS, st.floats(0, 1, exclude_max=True), SEEDS)
def test_fraction_is_the_nearest_count(labels: np.ndarray, fraction: float, seed: int) -> None:
    count = round(fraction * len(labels))
    assume(count < len(labels) and (count > 0 or fraction == 0))
    for actual, expected in zip(split_off(labels, fraction, seed), split_off(labels, count, seed), strict=True):
        np.testing.assert_array_equal(actual, expected)


@settings(deadline=None)
@given(SEEDS, SEEDS)
def test_the_seed_decides_and_nothing_else(seed: int, other: int) -> None:
    labels = np.arange(400) % 10
    np.random.seed(seed % 2**32)
    first = split_off(labels, 0.2, seed)
    np.random.seed(0)
    np.testing.assert_array_equal(first[1], split_off(labels, 0.2, seed)[1])
    assert (seed == other) == np.array_equal(first[1], split_off(labels, 0.2, other)[1])


def test_every_image_is_validation_in_some_seed() -> None:
    """Uniform: over 300 seeds each of 40 images is taken about 60 times (a fifth), standard deviation 6.9."""
    labels = np.arange(40) % 4
    times = sum(np.bincount(split_off(labels, 0.2, seed)[1], minlength=40) for seed in range(300))
    assert times.min() > 60 - 5 * 6.9
    assert times.max() < 60 + 5 * 6.9


def test_larger_remainders_are_rounded_up() -> None:
    """Four of seven and three: fractions of 2.8 and 1.2; five of six, three and one: 3.0, 1.5 and 0.5, the tie to the lower class."""
    for sizes, count, expected in (((7, 3), 4, [3, 1]), ((3, 7), 4, [1, 3]), ((6, 3, 1), 5, [3, 2, 0]), ((5, 5), 3, [2, 1])):
        labels = np.repeat(np.arange(len(sizes)), sizes)
        assert np.bincount(labels[split_off(labels, count, 0)[1]], minlength=len(sizes)).tolist() == expected


def test_small_class_keeps_its_last_training_image() -> None:
    labels = np.array([0] * 50 + [1])
    for seed in range(5):
        train, validation = split_off(labels, 0.9, seed)
        assert set(labels[train]) == {0, 1}
        assert len(validation) == 46


def test_golden_split() -> None:
    """The split of CIFAR-10's size and balance: a change here changes the meaning of every recipe."""
    train, validation = split_off(np.arange(50_000) % 10, 0.2, 0)
    assert (len(train), len(validation)) == (40_000, 10_000)
    assert validation[:8].tolist() == GOLDEN_START
    assert hashlib.sha256(validation.astype("<i8").tobytes()).hexdigest() == GOLDEN_SUM


@pytest.mark.parametrize("validation", [-1, 10, 11, -0.1, 1.0, 0.96])
def test_amount_that_leaves_nothing_for_training_is_refused(validation: float) -> None:
    assert f"got {validation}" in refusal(split_off, np.arange(10) % 2, validation, 0)


def test_limits_of_the_split() -> None:
    labels = np.arange(10) % 2
    assert [len(part) for part in split_off(labels, 9, 0)] == [1, 9]
    assert [len(part) for part in split_off(labels, 0, 0)] == [10, 0]
    assert "at least one image of the 10" in refusal(split_off, labels, 0.04, 0)
    assert "split_seed" in refusal(split_off, labels, 1, -1)
    assert "split_seed" in refusal(split_off, labels, 1, 2**64)


@settings(deadline=None)
@given(st.integers(1, 2500), st.integers(0, 5))
def test_channel_statistics_are_those_of_the_chosen_images_only(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 2, 3, 3), np.uint8)
    chosen = np.flatnonzero(random.random(count) < 0.7)
    assume(len(chosen))
    mean, deviation = compute_channel_statistics(images, chosen)
    scaled = images[chosen] / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviation, scaled.std(axis=(0, 1, 2)), rtol=1e-9, atol=1e-12)


def test_class_counts_include_empty_classes_too() -> None:
    assert count_classes(np.array([2, 0, 2]), 4).tolist() == [1, 0, 2, 0]


def test_content_checksum_changes_with_anything_that_training_sees() -> None:
    images, labels = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3), np.array([0, 1])
    one = from_arrays((images, labels), class_names=("a", "b"))
    brighter = images.copy()
    brighter[1, 3, 3, 2] += 1
    others = [
        from_arrays((brighter, labels), class_names=("a", "b")),
        from_arrays((images, labels[::-1]), class_names=("a", "b")),
        from_arrays((images.reshape(2, 2, 8, 3), labels), class_names=("a", "b")),
        from_arrays((images, labels), class_names=("a", "c")),
        from_arrays((images, labels), test=(images, labels), class_names=("a", "b")),
        from_arrays((images, labels), validation=(images, labels), class_names=("a", "b")),
    ]
    assert len({compute_content_sha256(dataset) for dataset in (one, *others)}) == 7
    assert compute_content_sha256(one) == compute_content_sha256(replace(one, name="other", notes=("a note",)))
