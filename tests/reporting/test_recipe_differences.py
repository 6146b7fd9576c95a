"""Laws of what tells recipes apart, and of how far their accuracies lie apart by chance.

Run alone with `pytest tests/reporting/test_recipe_differences.py`.
"""

import copy
import json
import math
import random
import statistics
from collections.abc import Mapping
from typing import Any

import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import HOSTILE

from kcifar.reporting.analysis.recipe_differences import (
    IGNORED_KEYS,
    find_differing_keys,
    flatten,
    flatten_together,
    hash_settings,
    write_setting,
    write_setting_change,
)
from kcifar.reporting.stats import differences
from kcifar.reporting.stats.differences import FROM_IMAGES, FROM_SEEDS, Sample, compare_samples, welch_half_width

Settings = dict[str, Any]

CROP, FLIP = {"name": "random_crop", "padding": 4}, {"name": "horizontal_flip", "probability": 0.5}


def stage(name: str = "train", **changes: Any) -> Settings:
    constant = {"name": "constant", "value": 0.1, "warm_up": None}
    return {
        "name": name,
        "epochs": 5,
        "learning_rate": constant,
        "optimizer": {"name": "adam", "beta_1": 0.9},
        "augmentation": [CROP, FLIP],
        "l2": None,
    } | changes


def recipe(*stages: Settings, **changes: Any) -> Settings:
    return {
        "name": "base",
        "seed": 0,
        "model": {"name": "lenet", "dropout_rate": 0.0},
        "log_every": 50,
        "stages": list(stages or [stage()]),
    } | changes


def changes(before: Settings, after: Settings) -> list[str]:
    flats = flatten_together([before, after])
    return [write_setting_change(key, *flats) for key in find_differing_keys(flats)]


# Keys

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([0.1, 0.5, math.nan]), st.sampled_from(["a", "b", HOSTILE]))
PLAIN = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3), max_leaves=6)
PARTS = st.builds(
    lambda name, arguments: {"name": name} | arguments, st.sampled_from("xyz"), st.dictionaries(st.sampled_from("pqr"), PLAIN, max_size=2)
)
RECIPES = st.dictionaries(st.sampled_from(["model", "input", "deep", "name", "seed"]), PLAIN | PARTS | st.lists(PARTS, max_size=3), max_size=5).map(
    lambda result: result | {"stages": [stage()]}
)


def _shuffled(value: Any, order: random.Random) -> Any:
    """The same containers with their keys in another order."""
    if isinstance(value, Mapping):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    return [_shuffled(inner, order) for inner in value] if isinstance(value, list) else value


def _looked_up(value: Any, key: str) -> Any:
    """Walk a key of letters, places and names back through the containers."""
    for step in key.replace("[", ".[").split("."):
        if step.startswith("["):
            value = value[int(step[1:-1])]
        elif isinstance(value, list):
            value = next(part for part in value if part["name"] == step)
        else:
            value = value[step]
    return value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@settings(max_examples=50)
@given(RECIPES)
def test_every_key_leads_back_to_its_value(result: Settings) -> None:
    for key, value in flatten(result).items():
        there = _looked_up(result, key)
        if isinstance(there, Mapping):
            assert value == there.get("name", "given")
        elif isinstance(value, tuple):
            assert value in (tuple(part["name"] for part in there), tuple(f"[{place}]" for place in range(len(there))))
        else:
            assert value is there


@settings(max_examples=50)
@given(RECIPES, st.randoms(use_true_random=False))
def test_the_order_of_keys_is_no_difference(result: Settings, order: random.Random) -> None:
    other = _shuffled(copy.deepcopy(result), order)
    assert find_differing_keys([flatten(result), flatten(other)]) == []
    assert hash_settings(flatten(result)) == hash_settings(flatten(other))


@settings(max_examples=50)
@given(st.lists(RECIPES, min_size=2, max_size=4))
def test_differing_keys_are_those_of_a_search_by_hand(result: list[Settings]) -> None:
    flats = flatten_together(result)
    listed = find_differing_keys(flats)
    same = len({hash_settings(flat) for flat in flats}) == 1
    assert same == (not listed)
    every = {key for flat in flats for key in flat} - IGNORED_KEYS
    differing = {key for key in every if len({_canonical(flat[key]) if key in flat else "(absent)" for flat in flats}) > 1}
    for key in every:
        above = any(key.startswith((f"{other}.", f"{other}[")) for other in differing)
        several = len({_canonical(flat[key]) for flat in flats if key in flat}) > 1
        assert (key in listed) == (key in differing and (several or not above)), key
    assert len(set(listed)) == len(listed)


def test_names_seeds_and_what_only_changes_files_are_no_difference() -> None:
    assert changes(recipe(), recipe(name="other", seed=7, log_every=1, checkpoint_every=3, test="never")) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (stage(), stage(epochs=9), ["stages.train.epochs: 5 → 9"]),
        (stage(), stage(augmentation=[]), ["stages.train.augmentation: random_crop, horizontal_flip → none"]),
        (stage(), stage(augmentation=[CROP | {"padding": 2}, FLIP]), ["stages.train.augmentation.random_crop.padding: 4 → 2"]),
        (
            stage(),
            stage(augmentation=[CROP | {"padding": 2}]),
            ["stages.train.augmentation: random_crop, horizontal_flip → random_crop", "stages.train.augmentation.random_crop.padding: 4 → 2"],
        ),
        (
            stage(augmentation=[FLIP, FLIP]),
            stage(augmentation=[FLIP, FLIP | {"probability": 1}]),
            ["stages.train.augmentation[1].probability: 0.5 → 1"],
        ),
        (stage(), stage(optimizer={"name": "sgd", "momentum": 0.9}), ["stages.train.optimizer: adam → sgd"]),
        (stage(), stage(l2={"value": 1e-3, "layers": "*"}), ["stages.train.l2: none → value 0.001, layers *"]),
        (stage(momentum=None), stage(momentum={"name": "constant", "value": 0.9, "warm_up": None}), ["stages.train.momentum: none → 0.9"]),
        (
            stage(),
            stage(learning_rate={"name": "cosine", "value": 0.2, "end": 0.0, "warm_up": None}),
            ["stages.train.learning_rate: constant → cosine", "stages.train.learning_rate.value: 0.1 → 0.2"],
        ),
        (stage(freeze=[]), stage(freeze=["a*", "b"]), ["stages.train.freeze: none → a*, b"]),
        (stage(nesterov=True), stage(), ["stages.train.nesterov: true → absent"]),
        (stage("learn"), stage("train"), []),
        (stage("learn"), stage("train", epochs=6), ["stages[0].epochs: 5 → 6"]),
    ],
)
def test_changes_of_a_stage_are_written_with_both_values(before: Settings, after: Settings, expected: list[str]) -> None:
    assert changes(recipe(before), recipe(after)) == expected


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({"l2": {"value": 1e-3, "layers": "*"}}, "l2", "value 0.001, layers *"),
        ({"l2": None}, "l2", "none"),
        ({}, "l3", "absent"),
        ({"momentum": {"name": "constant", "value": 0.9, "warm_up": None}}, "momentum", "0.9"),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, "optimizer", "sgd"),
        ({"augmentation": [CROP]}, "augmentation", "random_crop"),
        ({"augmentation": []}, "augmentation", "none"),
    ],
)
def test_what_a_recipe_says_is_written_as_recipes_do(changes: Settings, key: str, expected: str) -> None:
    assert write_setting(f"stages[0].{key}", flatten(recipe(stage(**changes)))) == f"stages[0].{key}={expected}"


def test_a_stage_left_out_does_not_hide_what_else_differs() -> None:
    whole, part = recipe(stage("learn"), stage("polish")), recipe(stage("learn", epochs=6))
    assert changes(whole, part) == ["stages: .learn, .polish → .learn", "stages.learn.epochs: 5 → 6"]


def test_changes_are_one_line_however_hostile_the_recipe() -> None:
    text = changes(recipe(), recipe(model={"name": HOSTILE * 50, HOSTILE: 1}))[0]
    assert "\n" not in text
    assert len(text) < 200


def test_keys_that_are_passed_over_do_not_count() -> None:
    first, second = (flatten(recipe(stage(epochs=epochs))) for epochs in (5, 6))
    assert hash_settings(first) != hash_settings(second)
    assert hash_settings(first, lambda key: key.endswith(".epochs")) == hash_settings(second, lambda key: key.endswith(".epochs"))


# Differences of accuracies

ACCURACIES = st.lists(st.integers(0, 1000).map(lambda count: count / 1000), min_size=2, max_size=6).filter(lambda result: len(set(result)) > 1)


@settings(max_examples=40)
@given(ACCURACIES, ACCURACIES)
def test_the_interval_from_seeds_is_that_of_welch_in_scipy(first: list[float], second: list[float]) -> None:
    result = compare_samples(Sample(tuple(first), 100), Sample(tuple(second), 100))
    interval = scipy.stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert result.source == FROM_SEEDS
    assert result.value == pytest.approx(statistics.mean(first) - statistics.mean(second), abs=1e-12)
    assert result.half_width == pytest.approx((interval.high - interval.low) / 2, rel=1e-9)
    assert result.p_value == pytest.approx(scipy.stats.ttest_ind(first, second, equal_var=False).pvalue, rel=1e-7, abs=1e-15)


def agresti_caffo(hits: tuple[int, int], images: tuple[int, int]) -> tuple[float, float]:
    """Both ends of the paper's 95 % interval, from counts, in whole numbers as far as they go."""
    (a, b), (n, m) = (hits[0] + 1, hits[1] + 1), (images[0] + 2, images[1] + 2)
    reach = 1.959963984540054 * math.sqrt(a * (n - a) / n**3 + b * (m - b) / m**3)
    return a / n - b / m - reach, a / n - b / m + reach


def of_images(hits: tuple[int, int], images: tuple[int, int]) -> differences.Difference:
    own, other = (Sample((hit / count,), count) for hit, count in zip(hits, images, strict=True))
    return compare_samples(own, other)


@pytest.mark.parametrize(
    ("hits", "images", "low", "high"),
    [
        # q = 101/102 and 96/102: 0.0490196 +- 1.959964 x sqrt((101 x 1 + 96 x 6) / 102^3) = 0.0495042
        ((100, 95), (100, 100), -0.0004846, 0.0985238),
        # q = 11/12 and 1/12: 0.8333333 +- 1.959964 x sqrt(2 x 11 / 12^3) = 0.2211503
        ((10, 0), (10, 10), 0.6121830, 1.0544836),
        # q = 8001/10002 and 5001/10002: 0.2999400 +- 1.959964 x sqrt((8001 x 2001 + 5001^2) / 10002^3) = 0.0125492
        ((8000, 5000), (10_000, 10_000), 0.2873908, 0.3124892),
    ],
)
def test_the_interval_from_images_by_hand(hits: tuple[int, int], images: tuple[int, int], low: float, high: float) -> None:
    assert agresti_caffo(hits, images) == pytest.approx((low, high), abs=1e-7)
    result = of_images(hits, images)
    assert result.value - result.half_width == pytest.approx(low, abs=1e-7)  # the end towards zero, where the images are as many, is theirs
    assert result.value + result.half_width >= high
    assert result.is_clear == (low > 0)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 100).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))), min_size=2, max_size=2))
def test_the_interval_from_few_images_covers_that_of_agresti_and_caffo(drawn: list[tuple[int, int]]) -> None:
    (a, n), (b, m) = drawn
    result = of_images((a, b), (n, m))
    low, high = agresti_caffo((a, b), (n, m))
    assert result.value - result.half_width <= low + 1e-12
    assert result.value + result.half_width >= high - 1e-12
    assert result.value == pytest.approx(a / n - b / m)
    assert not result.is_clear or low > 0 or high < 0
    assert result.is_clear == (result.p_value < 0.05) or result.p_value == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("sample", "reference", "source"),
    [
        (Sample((0.7, 0.8), 100), Sample((0.7,), 100), FROM_IMAGES),
        (Sample((0.7, 0.7), 100), Sample((0.8, 0.8), 100), FROM_IMAGES),  # seeds that happen to agree tell no deviation
        (Sample((0.7,), None), Sample((0.8,), 100), ""),
        (Sample((), 100), Sample((0.8,), 100), ""),
    ],
)
def test_what_the_interval_rests_on(sample: Sample, reference: Sample, source: str) -> None:
    result = compare_samples(sample, reference)
    assert result.source == source
    assert math.isnan(result.half_width) == (source == "")
    assert not (result.is_clear and source == "")


def test_a_difference_is_clear_only_beyond_its_half_width() -> None:
    edge = differences.Difference(0.5, 0.5, FROM_SEEDS, 0.05)
    assert not edge.is_clear
    assert differences.Difference(-0.50001, 0.5, FROM_SEEDS, 0.04).is_clear


def test_a_wider_confidence_is_a_wider_interval() -> None:
    samples = Sample((0.81, 0.82, 0.83), None), Sample((0.70, 0.74), None)
    assert welch_half_width(*samples, confidence=0.99) > welch_half_width(*samples) > welch_half_width(*samples, confidence=0.9)
