"""Laws of the sections that compare all runs: comparison, recipes and cost."""

import itertools
import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import SETTINGS, changed, made, rows_of, words
from run_folders import CASES, HOSTILE, write_run
from scipy.stats import binomtest, ttest_ind

from kcifar.pictures.saving import render_figure
from kcifar.pictures.style import report_style
from kcifar.pictures.text import measure_text, shorten_middle
from kcifar.reporting.analysis.groups import Group
from kcifar.reporting.analysis.recipe_tests import compare_recipes
from kcifar.reporting.analysis.tested_epoch import find_tested_row, find_tested_validation
from kcifar.reporting.charts.axes import make_log_ticks
from kcifar.reporting.charts.pareto_front import CostPanel
from kcifar.reporting.charts.pareto_front import draw_pareto_fronts as draw_fronts
from kcifar.reporting.page.table_files import escape_markdown, to_markdown
from kcifar.reporting.sections import ablation, comparison, cost, recipes, reproduction
from kcifar.reporting.stats.pareto import find_clear_front
from kcifar.reporting.stats.proportions import Proportion
from kcifar.runs.load import LoadedRun, load_run
from kcifar.runs.schemas import ViewsResult

SECTIONS = (comparison, recipes, cost)


# Comparison


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(0, 60), st.sampled_from(["d", "e"])), min_size=2, max_size=10))
def test_runs_are_ranked_within_their_data_with_wilson_intervals(drawn: list[tuple[int | None, str]]) -> None:
    runs = [made(str(place), right, 60, data=data) for place, (right, data) in enumerate(drawn)]
    table = rows_of(comparison.of_runs(runs))
    assert sorted(table.index) == sorted(run.name for run in runs)
    untested = [run.name for run in runs if not run.test]
    assert list(table.index[len(runs) - len(untested) :]) == untested
    ranking = table[table["test_accuracy"].notna()]
    assert all(rows["test_accuracy"].is_monotonic_decreasing for _, rows in ranking.groupby("dataset"))
    blocks = [label for label, _ in itertools.groupby(ranking["dataset"])]
    assert len(blocks) == len(set(blocks))
    for name, row in ranking.iterrows():
        right = drawn[int(str(name))][0]
        interval = binomtest(right, 60).proportion_ci(method="wilson")
        assert (row["test_low"], row["test_high"]) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_runs_over_other_data_are_not_compared_without_a_word() -> None:
    content = comparison.of_runs([made("a", 90), made("b", 50, data="e"), made("c", 10, content="4567")])
    assert "The runs use 3 different data sets" in content.paragraphs[0]
    assert "above" not in words(content)
    assert "different data sets" not in words(comparison.of_runs([made("a", 90), made("b", 50)]))
    assert "The content of the data is not recorded for b; " in words(comparison.of_runs([made("a"), made("b", content=None)]))


def test_runs_that_read_alike_are_level() -> None:
    content = comparison.of_runs([made("a", 857_101, 1_000_000), made("b", 857_100, 1_000_000)])
    assert "2 tie for the highest test accuracy (a, b): 85.71%" in content.paragraphs[0]


def test_runs_without_a_test_result_are_named_and_ties_are_called_level() -> None:
    content = comparison.of_runs([made("a", None, state="interrupted"), made("b", 70), made("c", 70), made("d", 60)])
    assert "Of 3 runs with a test result, 2 tie for the highest test accuracy (b, c): 70.00%" in content.paragraphs[0]
    assert content.paragraphs[1] == "Without a test result: a (interrupted after 2 of 2 epochs)."
    alone = comparison.of_runs([made("a", None), made("b", 70)])
    assert "The only run with a test result, b, has a test accuracy of 70.00%" in alone.paragraphs[0]
    none = comparison.of_runs([made("a", None), made("b", None)])
    assert len(rows_of(none)) == 2
    assert not none.figures


def test_views_have_a_column_where_a_run_has_them() -> None:
    plain = made("a")
    assert plain.test
    seen = replace(plain, name="b", test=plain.test.model_copy(update={"views": ViewsResult(count=5, accuracy=0.75)}))
    assert comparison.OVER_VIEWS not in rows_of(comparison.of_runs([plain, replace(plain, name="c")]))
    table = rows_of(comparison.of_runs([plain, seen]))
    assert table[comparison.OVER_VIEWS].dropna().to_dict() == {"b": 0.75}
    assert table.loc["b", "test_accuracy"] == 0.5


# Recipes


def test_recipes_are_measured_by_their_finished_runs() -> None:
    other = changed(epochs=9)
    runs = [
        made("a", 50, seed=0),
        made("b", 56, seed=1, val_accuracy=(0.3, 0.5)),
        made("c", 90, seed=2, state="interrupted"),
        made("d", None, seed=3),
        made("e", 60, resolved=other, val_accuracy=(0.3, math.nan)),
    ]
    content = recipes.of_runs(runs)
    table = rows_of(content)
    assert table["test_mean"].tolist() == pytest.approx([0.60, 0.53])
    assert table["runs"].tolist() == [1, 2]
    row = table.iloc[1]
    assert row["seeds"] == "0, 1"
    assert row["test_deviation"] == pytest.approx(statistics.stdev([0.50, 0.56]))
    assert row["test_standard_error"] == pytest.approx(statistics.stdev([0.50, 0.56]) / math.sqrt(2))
    assert (row["test_lowest"], row["test_highest"], row["val_mean"], row["minutes"]) == pytest.approx((0.50, 0.56, 0.45, 1.0))
    assert table.iloc[0][["test_deviation", "test_standard_error", "val_mean", "val_lowest"]].isna().all()
    assert "Left out of the means: c (interrupted after 2 of 2 epochs), d (no test result)." in content.paragraphs
    assert content.paragraphs[0].startswith(
        "The highest mean test accuracy of 2 recipes is 60.00% (lenet (stages[0].epochs=9), 1 run); the next is 53.00% ± 4.24 (lenet"
    )


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        ((95, 99, 97), "no difference shown to the next, next (Welch's test, adjusted p = {p:.4f}, 3 seeds each)"),
        ((95, 99), "no difference shown to the next, next (Welch's test, adjusted p = {p:.4f}, 3 and 2 seeds)"),
        ((50, 52, 51), "clearly above the next, next (Welch's test, adjusted p < 0.0001, 3 seeds each)"),
        ((90,), "too few seeds to compare with the next, next"),
    ],
)
def test_the_headline_of_recipes_says_what_the_test_says(other: tuple[int, ...], verdict: str) -> None:
    seeds = {"first": (98, 99, 99), "next": other}
    runs = [made(f"{name}{seed}", right, seed=seed, resolved=named(name)) for name, rights in seeds.items() for seed, right in enumerate(rights)]
    (fact,) = recipes.of_runs(runs).facts
    reading = "mean test accuracy ± sample standard deviation over 3 seeds, highest of 2 recipes"
    p_value = ttest_ind(seeds["first"], other, equal_var=False).pvalue if len(other) > 1 else math.nan
    assert (fact.name, fact.value) == ("highest mean on d", "98.67% ± 0.58")
    assert list(fact.details) == ["first", reading, verdict.format(p=p_value)]


def test_the_headline_calls_no_recipe_better_where_nothing_varies_or_there_is_no_other() -> None:
    level = [made(f"{name}{seed}", right, seed=seed, resolved=named(name)) for name, right in (("a", 90), ("b", 80)) for seed in range(2)]
    assert recipes.of_runs(level).facts[0].details[-1] == "no variation over seeds to compare with the next, b"
    (alone,) = recipes.of_runs([*level[:1], replace(level[0], name="again")]).facts
    assert alone.name == "mean test accuracy on d"
    assert list(alone.details) == ["a", "mean test accuracy ± sample standard deviation over 2 runs, the only recipe"]


def test_recipes_are_compared_over_their_seeds_by_welch_and_holm() -> None:
    seeds = {"best": (90, 92, 91), "middle": (80, 82, 84), "worst": (20, 22, 21), "single": (85,)}
    runs = [made(f"{name}{seed}", right, seed=seed, resolved=named(name)) for name, rights in seeds.items() for seed, right in enumerate(rights)]
    content = recipes.of_runs(runs)
    table = content.tables[1].frame
    assert table.index.tolist() == list(itertools.combinations(("best", "single", "middle", "worst"), 2))
    tested = [(a, b) for a, b in table.index if "single" not in (a, b)]
    p_values = [ttest_ind(seeds[a], seeds[b], equal_var=False).pvalue for a, b in tested]
    assert table.loc[tested, "p_value"].tolist() == pytest.approx(p_values)
    assert table.loc[tested, "adjusted_p_value"].tolist() == pytest.approx(multiply_by_holm(p_values))
    interval = ttest_ind(seeds["best"], seeds["middle"], equal_var=False).confidence_interval()
    assert (table.loc[("best", "middle"), ["low", "high"]] * 100).tolist() == pytest.approx(list(interval))
    assert set(table["verdict"]) == {"a better", "too few seeds"}
    assert (table["verdict"] == "too few seeds").tolist() == ["single" in pair for pair in table.index]
    assert content.paragraphs[0].endswith("Whether the recipes differ by more than seeds do cannot be tested: one of them has a single seed.")
    assert "Over their seeds, 3 of 3 pairs of recipes with two or more seeds each show a difference at the significance level 0.05." in words(content)
    assert "Fewer than 3 seeds, too few to compare recipes by: single." in words(content)


def multiply_by_holm(p_values: list[float]) -> list[float]:
    order = np.argsort(p_values)
    adjusted = np.minimum(1, np.maximum.accumulate(np.array(p_values)[order] * np.arange(len(p_values), 0, -1)))
    return adjusted[np.argsort(order)].tolist()  # type: ignore[no-any-return]


def test_two_seeds_show_only_large_differences_and_that_is_said() -> None:
    runs = [made(f"{name}{seed}", right + seed, seed=seed, resolved=named(name)) for name, right in (("a", 60), ("b", 56)) for seed in (0, 1)]
    p_value = ttest_ind((60, 61), (56, 57), equal_var=False).pvalue
    below = ttest_ind((60, 61), (56, 57), equal_var=False).confidence_interval()
    assert p_value < 0.05
    assert f"Welch's test over seeds, adjusted by Holm's method for all pairs, shows a difference (p = {p_value:.4f})." in words(
        recipes.of_runs(runs)
    )
    closer = [made(f"{name}{seed}", right + seed, seed=seed, resolved=named(name)) for name, right in (("a", 60), ("b", 58)) for seed in (0, 1)]
    unclear = ttest_ind((60, 61), (58, 59), equal_var=False).pvalue
    half = (below.high - below.low) / 2  # the same deviations
    assert (
        f"shows no difference (p = {unclear:.4f}); with two seeds, one below {half:.2f} points cannot show." in recipes.of_runs(closer).paragraphs[0]
    )
    alike = [made(f"{name}{seed}", right, seed=seed, resolved=named(name)) for name, right in (("a", 60), ("b", 56)) for seed in (0, 1)]
    assert "cannot be tested: their accuracies do not vary over seeds." in recipes.of_runs(alike).paragraphs[0]


def test_seeds_of_the_same_recipe_are_called_different_recipes_in_at_most_one_case_in_twenty() -> None:
    rng, told = np.random.default_rng(0), 0
    for row in rng.normal(0.9, 0.002, (200, 4, 3)).tolist():
        groups = [
            Group(str(place), [made(f"{place}-{seed}", round(10**6 * value), 10**6, seed=seed) for seed, value in enumerate(values)])
            for place, values in enumerate(row)
        ]
        told += any(pair.holds for pair in compare_recipes([groups])[0])
    assert told / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_views_and_compilation_have_columns_where_they_are_known() -> None:
    bare = [made("a", seed=0), made("b", seed=1)]
    assert not set(recipes.WHERE_KNOWN) & set(rows_of(recipes.of_runs(bare)))
    viewed = [
        replace(run, test=run.test.model_copy(update={"views": ViewsResult(count=2, accuracy=accuracy)}))
        for run, accuracy in zip(bare, (0.6, 0.7), strict=True)
        if run.test
    ]
    for run in viewed:
        run.history["compilation_seconds"] = [30.0, 6.0]
    (row,) = rows_of(recipes.of_runs(viewed)).to_dict("records")
    assert (row["views_mean"], row["views_deviation"], row["minutes_compiling"]) == pytest.approx((0.65, statistics.stdev([0.6, 0.7]), 0.6))
    assert "views_mean" not in rows_of(recipes.of_runs([viewed[0], made("c", seed=2)]))  # of one recipe, not measured by all


def test_a_recipe_is_reproduced_by_its_first_command_on_all_that_trained_it() -> None:
    typed = ["python", "-m", "kcifar.train", "--run", "r", "--data", "/home/me/my data", "--seed", "1", "--resume", *["--import", "p.py"] * 40]
    one, two = (replace(made(name, seed=seed, hardware=hardware), name=name) for name, seed, hardware in (("a", 3, "new"), ("b", 1, "old")))
    assert not reproduction.of_runs([one, two])
    assert two.environment
    told = replace(two, environment=two.environment.model_copy(update={"command": typed}))
    cut = replace(told, name="d", status=told.status.model_copy(update={"state": "interrupted"}), history=told.history.assign(seconds=1.0))
    content = reproduction.of_runs([one, told, cut, made("c", resolved=changed(epochs=9), hardware=None, seconds=math.nan)])
    first, last = rows_of(content).to_dict("records")
    assert first["command"] == "KERAS_BACKEND=jax python -m kcifar.train --stages b/recipe.yaml --data ~/'my data'" + " --import p.py" * 40
    assert escape_markdown(first["command"]) in to_markdown(content.tables[0])  # whole, however long
    assert (first["seeds"], first["minutes"], first["epochs"], first["hardware"]) == ("1, 3", 1.0, 2, "new, 2 cores; old, 2 cores")
    assert pandas.isna([last["command"], last["minutes"], last["hardware"]]).all()
    assert content.paragraphs == ["The hardware is not recorded for c."]


def test_validation_is_that_of_the_tested_weights() -> None:
    run = made("a", val_accuracy=(0.8, 0.4))
    assert run.test
    best = replace(run, test=run.test.model_copy(update={"weights": "best"}))
    for tested, expected in ((run, 0.4), (best, 0.8)):
        assert rows_of(recipes.of_runs([tested, replace(tested, name="b")]))["val_mean"].tolist() == pytest.approx([expected])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([math.nan, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=6),
    st.sampled_from(["val_loss", "val_cross_entropy", "val_accuracy"]),
)
def test_the_best_weights_are_those_of_the_first_best_epoch_by_the_monitor(values: list[float], monitor: str) -> None:
    accuracies = values if monitor == "val_accuracy" else [0.01 * place for place in range(len(values))]
    run = made("a", val_accuracy=accuracies)
    assert run.test
    run = replace(run, test=run.test.model_copy(update={"weights": "best"}), settings={**run.settings, "monitor": monitor})
    run.history[monitor] = values
    finite = [value for value in values if not math.isnan(value)]
    best = values.index((max if monitor == "val_accuracy" else min)(finite)) if finite else None
    assert find_tested_row(run) == best
    assert find_tested_validation(run) == pytest.approx(math.nan if best is None else accuracies[best], nan_ok=True)
    assert find_tested_row(replace(run, settings={**run.settings, "monitor": "loss"})) is None


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        (None, 4),
        ({"patience": 3}, 4),
        ({"patience": 3, "restore_best": True}, 2),  # the first epoch is of another stage
        ({"patience": 3, "restore_best": True, "min_delta": 0.15}, 1),
        ({"patience": 3, "restore_best": True, "monitor": "val_loss"}, None),  # the history does not have it
        ({"patience": "some"}, None),
    ],
)
def test_a_stage_that_goes_back_to_its_best_epoch_tests_those_weights(rule: Any, row: int | None) -> None:
    run = made("a", val_accuracy=(0.9, 0.5, 0.6, 0.6, 0.4))
    run.history["stage_index"] = [0, 1, 1, 1, 1]
    stages = [*run.settings["stages"], {"name": "polish", "early_stopping": rule}]
    assert find_tested_row(replace(run, settings={**run.settings, "stages": stages})) == row


def test_what_was_validated_in_an_unknown_epoch_is_missing() -> None:
    rule = {"patience": 1, "monitor": "val_loss", "restore_best": True}
    runs = [made(str(seed), seed=seed, resolved=changed(early_stopping=rule)) for seed in (0, 1)]
    assert rows_of(recipes.of_runs(runs))["val_mean"].isna().all()
    for run in runs:
        run.history["val_loss"] = [1.0, 2.0]
    assert rows_of(recipes.of_runs(runs))["val_mean"].tolist() == pytest.approx([0.3])


def test_recipes_and_ablation_mean_the_same_by_one_recipe() -> None:
    runs = [made("a"), made("b", 60, resolved={**SETTINGS, "log_every": 9}, seed=1), made("c", resolved=changed(epochs=9))]
    assert rows_of(recipes.of_runs(runs))["runs"].tolist() == rows_of(ablation.of_runs(runs))["runs"].tolist() == [2, 1]


def test_a_seed_that_comes_twice_is_named_and_recipes_of_one_run_say_nothing() -> None:
    assert "share a seed" in words(recipes.of_runs([made("a"), made("b")]))
    assert "share a seed" not in words(recipes.of_runs([made("a"), made("b", seed=1)]))
    assert not recipes.of_runs([made("a"), made("b", resolved=changed(epochs=9))])


def test_minutes_of_which_a_part_is_unknown_are_missing_and_not_few() -> None:
    unknown = made("a", seconds=math.nan)
    unknown.history.loc[0, "seconds"] = 5.0
    for section in SECTIONS:
        table = rows_of(section.of_runs([unknown, made("b", 60, resolved=changed(epochs=9)), made("c", 60, resolved=changed(epochs=9), seed=1)]))
        assert table["minutes"].isna().sum() == 1


# Cost


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([10, 20, None]), st.sampled_from([60.0, 120.0]), st.booleans()), min_size=2, max_size=8))
def test_fronts_are_those_of_the_runs_that_compare(drawn: list[tuple[int, int | None, float, bool]]) -> None:
    """Accuracies are equal or 20 points of 1,000 images apart, each of its own recipe, so that every difference is clear."""
    runs = [
        made(name, 200 * right, 1000, resolved=named(name), parameters=parameters, seconds=seconds, hardware="p" if near else None, seen=math.nan)
        for name, (right, parameters, seconds, near) in zip(map(str, range(len(drawn))), drawn, strict=True)
    ]
    table = rows_of(cost.of_runs(runs))
    for name, row in table.iterrows():
        right, parameters, seconds, near = drawn[int(str(name))]
        smaller = [(r, p) for r, p, _, _ in drawn if p is not None and parameters is not None and p <= parameters]
        faster = [(r, s) for r, _, s, n in drawn if n == near and s <= seconds]
        assert pandas.isna(row["parameters_front"]) if parameters is None else row["parameters_front"] == place_of((right, parameters), smaller)
        assert row["minutes_front"] == place_of((right, seconds), faster)
        assert pandas.isna(row["images_seen"])
        assert pandas.isna(row["images_seen_front"])
        assert pandas.isna(row["number"]) == ("yes" not in row[["parameters_front", "minutes_front"]].dropna().tolist())
    assert table["number"].dropna().tolist() == list(range(1, len(table["number"].dropna()) + 1))


def named(recipe: str) -> dict[str, Any]:
    return {**SETTINGS, "name": recipe}


def place_of(own: tuple[int, float], cheaper: list[tuple[int, float]]) -> str:
    """Where a run is that is compared with those of at most its cost."""
    if any(right > own[0] for right, _ in cheaper):
        return "no"
    return "within error" if any(right == own[0] and cost < own[1] for right, cost in cheaper) else "yes"


def test_seeds_of_one_recipe_are_not_on_or_off_the_front_for_their_differences() -> None:
    """fast94 and quick in minutes on two cores, three seeds each, and a recipe that takes longer for less."""
    counts = {"quick": (8947, 8922, 8921), "fast94": (9345, 9334, 9347), "long": (8855,)}
    minutes = {"quick": (1.34, 1.31, 1.33), "fast94": (5.79, 5.83, 5.85), "long": (120.5,)}
    runs = [
        made(f"{name}{seed}", right, 10_000, seed=seed, resolved=named(name), seconds=60 * minutes[name][seed], parameters=None, seen=math.nan)
        for name, rights in counts.items()
        for seed, right in enumerate(rights)
    ]
    content = cost.of_runs(runs)
    assert rows_of(content)["minutes_front"].to_dict() == {
        **{"quick1": "yes", "quick0": "within error", "quick2": "within error"},
        **{"fast940": "yes", "fast941": "within error", "fast942": "within error", "long0": "no"},
    }
    assert "by minutes of training: quick1 (89.22%), fast940 (93.45%), with 4 more within error." in words(content)
    with report_style():
        (panel,) = content.figures[0].draw().axes
    drawn = {str(line.get_label()): len(line.get_xdata()) for line in panel.lines}
    assert drawn == {"other runs": 1, "within error of the front": 4, "Pareto front": 2}


def test_a_cost_that_all_runs_share_makes_no_front() -> None:
    runs = [made("a", 900, 1000, resolved=named("a"), seconds=60), made("b", 700, 1000, resolved=named("b"), seconds=30)]
    content = cost.of_runs(runs)
    expected = "by minutes of training: b (70.00%), a (90.00%)."
    assert content.paragraphs[0].endswith(f"each clearly more accurate than those that cost less, {expected}")
    alike = cost.of_runs([runs[0], replace(runs[0], name="c")])
    assert alike.paragraphs[0] == "On d, the runs have the same costs, so there is no Pareto front."


def test_other_hardware_other_beginnings_and_missing_results_are_named() -> None:
    begun = changed(init_from={"run": "x"})
    content = cost.of_runs([made("a", 50), made("b", 60, hardware="another"), made("c", None), made("d", data="e"), made("e", 55, resolved=begun)])
    assert "measured on different machines (runs by hardware: a processor, 2 cores: 2, another, 2 cores: 1)" in words(content)
    assert "weights of another run, whose minutes and images are not counted here: e." in words(content)
    assert "Left out: c (no test result), d (the only run on its data)." in words(content)
    with report_style():
        labels = [axes.get_xlabel() for axes in content.figures[0].draw().axes]
    assert labels == ["parameters", "minutes of training (2 of 3 runs, same hardware)", "training images seen"]
    assert "machine" not in words(cost.of_runs([made("a"), made("b")]))
    assert not cost.of_runs([made("a"), made("b", data="e")])


def test_nothing_is_said_of_hardware_that_is_not_recorded() -> None:
    none, one = cost.of_runs([made("a", hardware=None), made("b", hardware=None)]), cost.of_runs([made("a"), made("b", hardware=None)])
    assert "The hardware of 2 runs is not recorded; their minutes may be from different machines." in none.paragraphs
    assert "The hardware of 1 run is not recorded; its minutes may be from another machine." in one.paragraphs
    assert "measured on different machines" not in words(none) + words(one)
    assert "same hardware" in words(one)
    assert "same hardware" not in words(none)
    assert "hardware" not in words(cost.of_runs([made("a", hardware=None, seconds=math.nan), made("b")]))


UNKNOWN_COSTS: dict[str, Any] = {"parameters": None, "seconds": math.nan, "seen": math.nan}


def test_data_sets_of_which_no_cost_is_known_are_left_out_with_the_reason() -> None:
    unknown = [made(name, **UNKNOWN_COSTS) for name in "ab"]
    assert not cost.of_runs(unknown)
    content = cost.of_runs([*unknown, made("c", data="e"), made("d", data="e", seconds=90)])
    assert rows_of(content).index.tolist() == ["c", "d"]
    assert content.paragraphs[-1] == "Left out: a (no known cost), b (no known cost)."
    assert content.paragraphs[0].startswith("Pareto fronts on e, ")
    assert len(content.figures) == 1


def test_the_figure_has_a_panel_for_each_cost_that_its_caption_names() -> None:
    timed = made("c", 60, hardware="another")
    content = cost.of_runs([made("a", seconds=math.nan), made("b", seconds=math.nan), timed])
    with report_style():
        labels = [axes.get_xlabel() for axes in content.figures[0].draw().axes]
    assert labels == ["parameters", "minutes of training", "training images seen"]
    assert f"against {', '.join(labels)}." in content.figures[0].caption


def test_each_data_set_has_its_own_front_and_figure() -> None:
    runs = [made(f"{data}{right}", right, data=data, parameters=right, resolved=named(str(right))) for data in "abcd" for right in (20, 80)]
    content = cost.of_runs([*runs, made("a50", 50, data="a", resolved=named("50"))])
    assert [drawing.name for drawing in content.figures] == ["cost", "cost_2", "cost_3"]
    assert "3 runs on a against" in content.figures[0].text
    assert rows_of(content)["parameters_front"].value_counts().to_dict() == {"yes": 8, "no": 1}


@pytest.mark.parametrize("count", [2, 9, 20])
def test_the_dots_of_few_runs_bear_their_names_and_no_name_covers_another_or_a_dot(count: int) -> None:
    rng = np.random.default_rng(count)
    costs, gains = 10 ** rng.uniform(1, 6, count), rng.uniform(0.1, 0.9, count)
    names = [f"recipe_{place}-seed0" for place in range(count)]
    with report_style():
        front = find_clear_front(costs, [Proportion(round(10**9 * gain), 10**9) for gain in gains], names, 0.05)
        drawn = draw_fronts([CostPanel("cost", costs, front)], gains, names, range(count))
        drawn.canvas.draw()
        axes = drawn.axes[0]
        boxes = [text.get_window_extent() for text in axes.texts]
        dots = axes.transData.transform(np.stack([costs, gains], axis=1))
    shown = {text.get_text() for text in axes.texts}
    assert shown & set(names) >= {names[gains.argmax()]}
    assert len(shown) >= min(count, 8)
    assert shown - set(names) <= {str(run) for run in np.flatnonzero(front.on)}
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
    assert not any(box.contains(*dot) for box in boxes for dot in dots)
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1 for box in boxes)


def test_of_many_runs_those_on_the_front_are_named_and_no_name_covers_another() -> None:
    rng = np.random.default_rng(0)
    costs, gains = 10 ** rng.uniform(1, 6, 400), rng.uniform(0.1, 0.9, 400)
    gains[:60] = np.linspace(0.9, 0.95, 60)
    costs[:60] = np.linspace(11, 40, 60)
    costs[60:63], gains[60:63] = 1.0, 0.3  # three at one place
    with report_style():
        front = find_clear_front(costs, [Proportion(round(10**9 * gain), 10**9) for gain in gains], list(range(400)), 0.05)
        drawn = draw_fronts([CostPanel("cost", costs, front)], gains, [f"r{place}" for place in range(400)], list(range(400)))
        drawn.canvas.draw()
        boxes = [text.get_window_extent() for text in drawn.axes[0].texts]
    assert "r60, r61…" in [text.get_text() for text in drawn.axes[0].texts]
    assert 3 < len(boxes) <= 40
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


@settings(max_examples=40, deadline=None)
@given(st.floats(-9, 9), st.floats(0.1, 9))
def test_ticks_are_few_and_within(power: float, decades: float) -> None:
    ticks = make_log_ticks(10**power, 10 ** (power + decades))
    assert ticks == sorted(ticks)
    assert len(ticks) <= 6
    assert all(10**power <= tick <= 10 ** (power + decades) for tick in ticks)
    assert len(ticks) >= (2 if decades > 1 else 0)


# All of them


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[LoadedRun]:
    folder = tmp_path_factory.mktemp("runs")
    cases = [load_run(write(folder / case), f"{case} {HOSTILE}") for case, write in CASES.items()]
    return [*cases, *(load_run(write_run(folder / str(seed), seed=seed), f"{HOSTILE * 20} {seed}") for seed in (1, 2))]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.TITLE)
def test_every_kind_of_run_is_compared_the_same_each_time(section: Any, saved: list[LoadedRun]) -> None:
    assert not section.of_runs(saved[:1])
    assert not section.of_runs([])
    content, again = section.of_runs(saved), section.of_runs(saved)
    assert content.paragraphs == again.paragraphs
    pandas.testing.assert_frame_equal(rows_of(content), rows_of(again))
    assert rows_of(content).index.is_unique
    for drawing, other in zip(content.figures, again.figures, strict=True):
        assert render_figure(drawing.draw) == render_figure(other.draw)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.TITLE)
def test_figures_of_extremes_are_drawn(section: Any) -> None:
    extremes = [
        made("a", 0, seconds=0.0, parameters=0, seen=0.0),
        made("b", 100, seconds=1e300, parameters=10**15, seen=1e300),
        made("c", 100, seconds=math.nan, parameters=None, seen=math.nan, seed=1),
        made("ب" * 300, 50, seconds=-1.0, data="漢" * 300),
        made("漢" * 300, 50, data="漢" * 300, seed=1),
    ]
    for runs in (extremes, [made("x"), made("y", seed=1)], [made(name, **UNKNOWN_COSTS) for name in "xy"]):
        for drawing in section.of_runs(runs).figures:
            png, svg = render_figure(drawing.draw)
            assert png.startswith(b"\x89PNG")
            assert b"</svg>" in svg


def test_many_runs_are_all_in_the_table_and_as_many_as_fit_in_the_figure() -> None:
    runs = [made(str(place), place % 97, seed=place % 2, resolved=changed(epochs=place // 2)) for place in range(120)]
    compared, averaged = comparison.of_runs(runs), recipes.of_runs(runs)
    assert len(rows_of(compared)) == 120
    assert "the 40 best of 120 runs are shown" in compared.figures[0].caption
    assert "the 30 best of 60 recipes are shown" in averaged.figures[0].caption
    with report_style():
        assert len(compared.figures[0].draw().axes[0].get_yticks()) == 40


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80) | st.sampled_from(["W" * 90, "漢" * 90, HOSTILE * 9]), st.integers(40, 165))
def test_names_in_charts_are_cut_in_their_middle_to_the_room(name: str, room: int) -> None:
    short = shorten_middle(name, room, 9)
    assert measure_text(short, 9) <= room
    if "…" in short and "…" not in name:
        head, tail = short.split("…")
        flat = " ".join("".join(letter if letter.isprintable() else " " for letter in " ".join(name.split())).split(" "))
        assert flat.startswith(head)
        assert flat.endswith(tail)
