"""Laws of long-tailed variants: how many images each class keeps, which ones, and what a recipe's `imbalance` changes."""

from typing import Any

import numpy as np
import pytest
from archives import refusal
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

from kcifar.datasets.dataset import Source
from kcifar.datasets.imbalance import compute_class_sizes, select_long_tailed
from kcifar.planning.plan import make_plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.recipe.load import load_recipe

CLASSES = 7
LABELS = st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=150).map(np.array)
SHARES = st.floats(1e-6, 1)
SEEDS = st.integers(0, 2**32 - 1)

# Of digits, validation 0.2, split_seed 0, as it was before there was an `imbalance`.
UNTOUCHED_SPLIT = "2b3f5ab097ead367385aff3a4be1d753b0285e26cb758e5b4c010f3e4e021780"


def kept(labels: np.ndarray, imbalance: float, seed: int = 0, indices: np.ndarray | None = None) -> np.ndarray:
    return select_long_tailed(labels, np.arange(len(labels)) if indices is None else indices, CLASSES, imbalance, seed)


@pytest.mark.parametrize(
    ("imbalance", "sizes"),
    [
        # The class counts of CIFAR-10-LT, as papers on long tails print them (factors 100 and 10).
        (0.01, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
        (0.1, [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]),
        (1.0, [5000] * 10),
    ],
)
def test_the_sizes_are_those_of_the_published_long_tails(imbalance: float, sizes: list[int]) -> None:
    assert compute_class_sizes(np.full(10, 5000), imbalance) == sizes


def test_rounding_of_the_power_costs_no_image() -> None:
    assert int(100 * 0.29) == 28  # in floating point
    assert compute_class_sizes(np.array([100, 100]), 0.29) == [100, 29]


@given(LABELS, SHARES, SEEDS)
def test_each_class_keeps_its_share_of_the_largest_but_at_least_one_image(labels: np.ndarray, imbalance: float, seed: int) -> None:
    """Ranks count the classes that have images; the others neither keep any nor shorten the tail."""
    before, after = np.bincount(labels, minlength=CLASSES), np.bincount(labels[kept(labels, imbalance, seed)], minlength=CLASSES)
    present = np.flatnonzero(before)
    assert set(np.flatnonzero(after)) == set(present)
    for rank, label in enumerate(present):
        wanted = before.max() * imbalance ** (rank / max(1, len(present) - 1))
        assert after[label] == min(before[label], max(1, int(wanted + 1e-9)))


@given(LABELS, SHARES, SHARES, SEEDS)
def test_a_smaller_imbalance_keeps_a_subset(labels: np.ndarray, one: float, other: float, seed: int) -> None:
    smaller, larger = sorted((one, other))
    assert set(kept(labels, smaller, seed)) <= set(kept(labels, larger, seed))


@given(LABELS, SHARES, SEEDS, st.data())
def test_only_training_images_are_kept_in_order_and_without_repeats(labels: np.ndarray, imbalance: float, seed: int, data: st.DataObject) -> None:
    indices = np.array(data.draw(st.lists(st.integers(0, len(labels) - 1), min_size=1, unique=True)))
    chosen = kept(labels, imbalance, seed, indices)
    assert set(chosen) <= set(indices)
    assert chosen.dtype == np.int64
    assert (np.diff(chosen) > 0).all()


@given(LABELS, SHARES, SEEDS)
def test_the_order_of_the_indices_and_the_global_generator_do_not_matter(labels: np.ndarray, imbalance: float, seed: int) -> None:
    np.random.seed(seed % 1000)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    np.testing.assert_array_equal(kept(labels, imbalance, seed), kept(labels, imbalance, seed, shuffled))


@given(LABELS, SEEDS)
def test_one_keeps_everything(labels: np.ndarray, seed: int) -> None:
    np.testing.assert_array_equal(kept(labels, 1.0, seed), np.arange(len(labels)))


def test_the_seed_draws_every_image_now_and_then() -> None:
    """Of 40 images of the last class 4 are kept: over 300 seeds each about 30 times, deviation 5.2."""
    labels = np.repeat([0, 1], 40)
    times = sum(np.bincount(select_long_tailed(labels, np.arange(80), 2, 0.1, seed), minlength=80) for seed in range(300))
    assert (times[:40] == 300).all()
    assert abs(times[40:] - 30).max() < 5 * 5.2


def test_one_class_alone_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(select_long_tailed(np.zeros(9, int), np.arange(9), 1, 0.01, 0), np.arange(9))


def prepared(**dataset: Any) -> PreparedData:
    recipe = tiny_recipe(dataset={"name": "digits", "validation": 0.2, **dataset})
    return prepare_data(make_plan(load_recipe(recipe)), Source())


def test_a_recipes_imbalance_thins_training_alone() -> None:
    whole, tailed = prepared(), prepared(imbalance=0.1)
    np.testing.assert_array_equal(whole.validation_indices, tailed.validation_indices)
    assert set(tailed.train_indices) < set(whole.train_indices)
    counts = tailed.description["class_counts"]
    assert counts["train"] == compute_class_sizes(np.array(whole.description["class_counts"]["train"]), 0.1)
    assert tailed.description["counts"]["train"] == sum(counts["train"]) == len(tailed.train_indices)
    for part in ("validation", "test"):
        assert counts[part] == whole.description["class_counts"][part]
    assert tailed.description["split_sha256"] != whole.description["split_sha256"]


def test_the_seed_of_the_split_decides_which_images_are_left() -> None:
    recipe = tiny_recipe(dataset={"name": "digits", "validation": 0, "imbalance": 0.1})
    one, other, same = (prepare_data(make_plan(load_recipe(recipe | seeds)), Source()) for seeds in ({}, {"split_seed": 1}, {"seed": 1}))
    assert not np.array_equal(one.train_indices, other.train_indices)
    np.testing.assert_array_equal(one.train_indices, same.train_indices)


def test_without_imbalance_the_split_is_what_it_always_was() -> None:
    assert prepared().description["split_sha256"] == prepared(imbalance=1.0).description["split_sha256"] == UNTOUCHED_SPLIT


@pytest.mark.parametrize("value", [0, -0.1, 1.5, "much", float("nan")])
def test_other_values_are_refused(value: object) -> None:
    recipe = tiny_recipe(dataset={"name": "digits", "imbalance": value})
    message = refusal(load_recipe, recipe)
    assert message.startswith(f"recipe: dataset.imbalance: expected a number > 0 and <= 1, got {value!r}") or "finite" in message
