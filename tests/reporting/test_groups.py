"""Laws of which runs belong together, and of the statistics by which they are compared."""

import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import changed, made
from scipy.stats import binomtest

from kcifar.reporting.analysis import groups as grouping
from kcifar.reporting.analysis.groups import distribute_evenly
from kcifar.reporting.stats.intervals import summarize
from kcifar.reporting.stats.pareto import find_clear_front, find_clear_level
from kcifar.reporting.stats.proportions import Proportion, compare_proportions
from kcifar.reporting.stats.significance import adjust_holm, mcnemar_exact
from kcifar.runs.load import LoadedRun

# Statistics


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_the_two_sided_binomial_test_of_the_images_where_only_one_is_right(only_a: int, only_b: int) -> None:
    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert mcnemar_exact(only_a, only_b) == pytest.approx(expected, rel=1e-8)
    assert mcnemar_exact(only_a, only_b) == mcnemar_exact(only_b, only_a)


def test_mcnemar_by_the_textbook() -> None:
    # Fagerland, Lydersen, Laake 2013, table 1: airway hyper-responsiveness before and after transplantation; 2 (1 + 8) / 2^8.
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703125, rel=1e-12)
    assert mcnemar_exact(0, 0) == mcnemar_exact(30, 30) == 1
    assert mcnemar_exact(20_000, 0) == 0  # below the smallest float


def test_holm_by_hand() -> None:
    # Ascending: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which must not fall below the one before.
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.6, 0.7]).tolist() == [1, 1]
    assert adjust_holm([]).tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-9, 0.001, 0.01, 0.02, 0.3, 1.0]) | st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_is_bounded(p_values: list[float]) -> None:
    adjusted = adjust_holm(p_values)
    assert ((adjusted >= p_values) & (adjusted <= np.minimum(1, len(p_values) * np.array(p_values)))).all()  # never above Bonferroni's
    for one, other in zip(p_values, adjusted, strict=True):
        below = sorted(p for p in p_values if p <= one)
        assert other == pytest.approx(min(1, max((len(p_values) - place) * p for place, p in enumerate(below))))


POINTS_OF_FRONTS = st.lists(
    st.tuples(st.sampled_from([1.0, 2.0, 3.0, 5.0, math.nan]), st.sampled_from([500, 510, 600, 700, 900]), st.sampled_from("abc")), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(POINTS_OF_FRONTS)
def test_a_front_is_made_of_what_is_clearly_better_and_nothing_near_it_is_called_worse(points: list[tuple[float, int, str]]) -> None:
    costs, recipes = np.array([cost for cost, _, _ in points]), [recipe for _, _, recipe in points]
    counts = [Proportion(right, 1000) for _, right, _ in points]
    front = find_clear_front(costs, counts, recipes, 0.05)
    known = [k for k, (cost, _, _) in enumerate(points) if not math.isnan(cost)]
    assert not (front.on & front.near).any()
    assert set(np.flatnonzero(front.on | front.near).tolist()) <= set(known)
    members = np.flatnonzero(front.on).tolist()
    assert bool(members) == bool(known)
    for a in members:
        assert not any(costs[b] <= costs[a] and points[b][1] > points[a][1] for b in members)
        for b in members:
            if costs[b] < costs[a] or (costs[b] == costs[a] and points[b][1] < points[a][1]):
                assert compare_proportions(counts[a], counts[b]) < 0.05
    for k in known:
        better = [b for b in known if costs[b] <= costs[k] and points[b][1] > points[k][1] and recipes[b] != recipes[k]]
        if not front.on[k] and not front.near[k]:
            assert any(compare_proportions(counts[b], counts[k]) < 0.05 for b in better)
        if better and compare_proportions(counts[max(better, key=lambda b: points[b][1])], counts[k]) < 0.05:
            assert not front.near[k]


def test_runs_that_are_truly_equal_are_told_off_the_front_in_at_most_one_case_in_twenty() -> None:
    rng = np.random.default_rng(0)
    costs, told = np.arange(8.0), 0
    for row in rng.binomial(10_000, 0.93, (400, 8)):
        counts = [Proportion(int(right), 10_000) for right in row]
        front = find_clear_front(costs, counts, "abcdefgh", find_clear_level(counts))
        told += front.on.sum() > 1 or not (front.on | front.near).all()
    assert told / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_front_by_hand() -> None:
    counts = [Proportion(right, 10_000) for right in (8922, 8947, 9345, 9347, 9438, 8855)]
    level = find_clear_level([Proportion(right, 10_000) for right in (8930, 9342, 9438, 8855)])
    assert level == 0.05  # all six pairs differ
    costs = np.array([1.0, 1.1, 5.8, 5.9, 8.7, 120.0])
    front = find_clear_front(costs, counts, ["quick", "quick", "fast94", "fast94", "fast95", "long"], level)
    assert front.on.tolist() == [True, False, True, False, True, False]
    assert front.near.tolist() == [False, True, False, True, False, False]
    seeds = find_clear_front(np.array([1.0, 2.0]), [Proportion(8000, 10_000), Proportion(9000, 10_000)], ["a", "a"], 0.05)
    assert (seeds.on.tolist(), seeds.near.tolist()) == ([True, False], [False, True])
    same = find_clear_front(np.array([1.0, 1.0, 2.0]), [Proportion(358, 360)] * 3, ["a", "a", "a"], 0.05)
    assert (same.on.tolist(), same.near.tolist()) == ([True, True, False], [False, False, True])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_mean_and_deviation_are_those_of_the_sample(values: list[float]) -> None:
    result = summarize(values)
    assert result.mean == pytest.approx(statistics.fmean(values))
    assert result.lowest == min(values) <= result.mean <= max(values) == result.highest
    if len(values) == 1:
        assert math.isnan(result.deviation)
        assert math.isnan(result.standard_error)
    else:
        assert result.deviation == pytest.approx(statistics.stdev(values), abs=1e-12)
        assert result.standard_error == pytest.approx(statistics.stdev(values) / math.sqrt(len(values)), abs=1e-12)


# Which runs belong together

LEAVES = st.sampled_from(["adam", 1, 0.5, None, [], [{"name": "flip"}], {"name": "flip", "rate": 1}, {"rate": 1, "name": "flip"}])
RECIPES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["lenet", "vgg"]),
        "stages": st.lists(st.fixed_dictionaries({"name": st.just("learn"), "optimizer": LEAVES}), max_size=2),
    }
)
OTHERWISE = st.fixed_dictionaries({"log_every": st.sampled_from([50, 100]), "test": st.sampled_from(["end", "never"])})
# Runs of few recipes, so that some are alike: recipe, what is ignored, seed, content of the data.
RUNS = st.lists(RECIPES, min_size=1, max_size=3).flatmap(
    lambda recipes: st.lists(st.tuples(st.sampled_from(recipes), OTHERWISE, st.integers(0, 2), st.sampled_from(["0123", "4567"])), max_size=8)
)


@settings(max_examples=50, deadline=None)
@given(RUNS)
def test_runs_of_one_recipe_have_its_name_and_data_and_differ_only_in_what_is_ignored(
    drawn: list[tuple[dict[str, Any], dict[str, Any], int, str]],
) -> None:
    runs = [made(str(place), resolved=kept | rest, seed=seed, content=content) for place, (kept, rest, seed, content) in enumerate(drawn)]
    runs = [replace(run, settings=dict(reversed(list(run.settings.items())))) if place % 2 else run for place, run in enumerate(runs)]
    groups = grouping.group_by_recipe(runs)
    place_of = {run.name: place for place, group in enumerate(groups) for run in group.runs}
    assert sorted(run.name for group in groups for run in group.runs) == sorted(run.name for run in runs)  # each once
    for run, (one, _, _, content) in zip(runs, drawn, strict=True):
        for other, (another, _, _, of_another) in zip(runs, drawn, strict=True):
            assert (place_of[run.name] == place_of[other.name]) == (one == another and content == of_another)
    assert len({group.label for group in groups}) == len(groups)
    assert [group.runs[0].name for group in groups] == sorted((group.runs[0].name for group in groups), key=int)


def test_labels_name_what_tells_recipes_apart() -> None:
    runs = [made("a"), made("b", resolved=changed(learning_rate={"value": 0.1}))]
    assert [group.label for group in grouping.group_by_recipe(runs)] == [f"lenet (stages[0].learning_rate.value={rate})" for rate in ("0.01", "0.1")]
    runs.append(made("c", resolved=changed(weight_decay=None)))
    assert [group.label for group in grouping.group_by_recipe(runs)] == [
        f"lenet (stages[0].learning_rate.value={rate}, stages[0].weight_decay={decay})"
        for rate, decay in (("0.01", "absent"), ("0.1", "absent"), ("0.01", "none"))
    ]
    long = [made(str(place), resolved=changed(note=f"{'long' * 10}{place}")) for place in range(3)]  # cut before they differ
    assert [group.label for group in grouping.group_by_recipe(long)] == ["lenet", "lenet #2", "lenet #3"]


@pytest.mark.parametrize(
    ("key", "values", "texts"),
    [
        ("l2", (None, {"value": 0.001}), ("none", "value 0.001")),
        ("augmentation", ([], [{"name": "random_crop", "padding": 4}]), ("none", "random_crop")),
        ("momentum", (None, {"name": "constant", "value": 0.9}), ("none", "0.9")),
        ("optimizer", ({"name": "adam"}, {"name": "sgd", "nesterov": True}), ("adam", "sgd")),
    ],
)
def test_labels_say_which_recipe_has_a_part_and_which_has_none(key: str, values: tuple[Any, Any], texts: tuple[str, str]) -> None:
    groups = grouping.group_by_recipe([made(str(place), resolved=changed(**{key: value})) for place, value in enumerate(values)])
    assert [group.label for group in groups] == [f"lenet (stages[0].{key}={text})" for text in texts]


def test_recipes_over_several_data_sets_are_told_apart_by_them() -> None:
    groups = grouping.group_by_recipe([made("a"), made("b", content="4567")])
    assert [group.label for group in groups] == ["lenet (data=d (content=0123))", "lenet (data=d (content=4567))"]


def test_data_are_the_same_when_name_and_test_images_and_content_are() -> None:
    def labels(*runs: LoadedRun) -> dict[str, list[str]]:
        return {group.label: [run.name for run in group.runs] for group in grouping.group_by_data(runs)}

    assert labels(made("a"), made("b", data="e"), made("c")) == {"d": ["a", "c"], "e": ["b"]}
    assert labels(made("a"), made("b", images=200)) == {"d (test images=100)": ["a"], "d (test images=200)": ["b"]}
    assert labels(made("a"), made("b", content=None)) == {"d": ["a", "b"]}  # it tells no other content
    assert labels(made("a"), made("b", None)) == {"d": ["a", "b"]}  # nor another number of images
    three = labels(made("a"), made("b", content=None), made("c", content="4567"))
    assert three == {"d (content=0123)": ["a"], "d (content=unknown)": ["b"], "d (content=4567)": ["c"]}


def test_runs_on_arrays_are_not_those_on_the_data_set_that_the_recipe_names() -> None:
    recipe, arrays = made("a", content=None), made("b")
    assert arrays.dataset
    arrays = replace(arrays, dataset=arrays.dataset.model_copy(update={"name": "arrays", "content_sha256": ""}))
    assert [(group.label, [run.name for run in group.runs]) for group in grouping.group_by_data([recipe, arrays])] == [
        ("d", ["a"]),
        ("arrays", ["b"]),
    ]
    assert [[run.name for run in group.runs] for group in grouping.group_by_recipe([recipe, arrays])] == [["a"], ["b"]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 30))
def test_shares_are_even_and_use_the_room_there_is(sizes: list[int], limit: int) -> None:
    shares = distribute_evenly(sizes, limit)
    assert sum(shares) == min(limit, sum(sizes))
    assert all(share == size or share >= max(shares) - 1 for share, size in zip(shares, sizes, strict=True))
