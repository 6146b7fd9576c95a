"""Laws of accuracy against time: the curves, and the section that shows them.

Run alone with `pytest tests/reporting/test_time_to_accuracy.py`.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import changed, made, rows_of, words

from kcifar.pictures.style import report_style
from kcifar.reporting.analysis.time_to_accuracy import BestSoFar, accumulate_best, average_curves, find_largest_gap, find_minutes_to_reach, make_curve
from kcifar.reporting.charts.axes import write_short_number
from kcifar.reporting.charts.line_looks import LINE_LOOKS, MAX_LINES
from kcifar.reporting.sections import time_to_accuracy

NAN = math.nan
# Whole numbers in quarters and hundredths: sums and differences of them compare exactly, or nearly.
MEASURED = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100)), min_size=1, max_size=8)


def curve(measured: list[tuple[int, int]], later: float = 0.0, better: float = 0.0) -> BestSoFar:
    """The curve of epochs of so many quarters of a minute, and so many hundredths of accuracy."""
    quarters, hundredths = np.array(measured, np.float64).T
    return accumulate_best(np.cumsum(quarters) / 4 + later, hundredths / 100 + better)


CURVES = MEASURED.map(curve)
GRID = np.arange(0, 8 * 20 + 1) / 4  # minutes; every change of a curve is one of them


@given(MEASURED)
def test_a_curve_is_the_running_maximum_which_never_falls(measured: list[tuple[int, int]]) -> None:
    result = curve(measured)
    assert (np.diff(result.best) > 0).all()
    assert (np.diff(result.minutes) >= 0).all()
    ends = np.cumsum([quarters for quarters, _ in measured]) / 4
    for minute, best in zip(GRID, result.at(GRID), strict=True):
        so_far = [hundredths / 100 for end, (_, hundredths) in zip(ends, measured, strict=True) if end <= minute]
        assert best == max(so_far) if so_far else math.isnan(best)
    assert result.end == ends[-1]


@given(MEASURED, st.integers(0, 100))
def test_a_level_is_reached_at_the_first_minute_of_at_least_that_accuracy(measured: list[tuple[int, int]], hundredths: int) -> None:
    result, level = curve(measured), hundredths / 100
    reached = GRID[result.at(GRID) >= level]
    assert find_minutes_to_reach(result, level) == pytest.approx(reached[0] if len(reached) else NAN, nan_ok=True)


@given(CURVES)
def test_a_curve_lies_nowhere_below_itself(result: BestSoFar) -> None:
    assert find_largest_gap(result, result)[0] == 0


@given(CURVES, CURVES)
def test_the_largest_gap_is_that_of_a_fine_grid(first: BestSoFar, second: BestSoFar) -> None:
    gap, minute = find_largest_gap(first, second)
    gaps = second.at(GRID) - first.at(GRID)  # NaN until both have begun
    assert gap == np.nanmax(gaps)
    assert minute == GRID[np.nanargmax(gaps)]


@given(MEASURED, MEASURED, st.integers(0, 100), st.integers(0, 100))
def test_gaps_stay_when_both_curves_move(first: list[tuple[int, int]], second: list[tuple[int, int]], later: int, better: int) -> None:
    gap, minute = find_largest_gap(curve(first), curve(second))
    moved = find_largest_gap(curve(first, later, better), curve(second, later, better))
    assert moved[0] == pytest.approx(gap, abs=1e-12)
    assert find_largest_gap(curve(first, later), curve(second, later)) == (gap, minute + later)


@given(st.lists(CURVES, min_size=1, max_size=4))
def test_the_mean_is_that_of_every_minute_from_when_all_have_begun(curves: list[BestSoFar]) -> None:
    mean = average_curves(curves)
    expected = np.mean([result.at(GRID) for result in curves], axis=0)
    np.testing.assert_allclose(mean.at(GRID), expected, rtol=1e-12)
    assert (np.diff(mean.best) >= 0).all()
    assert mean.end == pytest.approx(np.mean([result.end for result in curves]))


def test_a_run_without_validation_or_time_has_no_curve() -> None:
    assert make_curve(made("a", val_accuracy=(NAN, NAN))) is None
    assert make_curve(made("a", seconds=NAN)) is None
    result = make_curve(made("a", val_accuracy=(NAN, 0.5, 0.4, 0.7), seconds=240.0))
    assert result is not None
    assert (result.minutes.tolist(), result.best.tolist(), result.end) == ([2.0, 4.0], [0.5, 0.7], 4.0)


# The section

SHORT, LONG = {**changed(), "name": "short"}, {**changed(), "name": "long"}


def two_recipes(validation: int | None = None, **keywords: Any) -> list[Any]:
    """Two seeds of a recipe of 2 minutes, and one of a recipe of 8."""
    short = [
        made(f"short-{seed}", seed=seed, resolved=SHORT, seconds=120.0, val_accuracy=(0.6, last), validation=validation, **keywords)
        for seed, last in enumerate((0.8, 0.9))
    ]
    return [*short, made("long-0", resolved=LONG, seconds=480.0, val_accuracy=(0.5, 0.7, 0.65, 0.92), validation=validation)]


def test_the_table_has_a_row_for_each_recipe_with_means_over_its_seeds() -> None:
    table = rows_of(time_to_accuracy.of_runs(two_recipes()))
    assert table.index.tolist() == ["long", "short"]
    short = table.loc["short"]
    assert (short["runs"], short["best_val"], short["minutes"]) == (2, pytest.approx(0.85), 2.0)
    assert (short["minutes_to_60%"], short["minutes_to_80%"]) == (1.0, 2.0)
    assert table["minutes_to_85%"].isna().tolist() == [False, True]  # one of its two runs never has it
    assert [table.loc["long", f"minutes_to_{level}%"] for level in (60, 70, 92)] == [4.0, 4.0, 8.0]
    assert "minutes_to_50%" not in table  # all had it in their first epoch
    assert "minutes_to_93%" not in table  # none reached it


def test_at_most_eight_levels_are_shown_and_those_are_the_highest() -> None:
    levels = time_to_accuracy.choose_levels([curve([(1, 1), (1, 99)])])
    assert levels == list(time_to_accuracy.LEVELS[-8:])


def test_the_longest_recipe_is_compared_with_the_best_of_the_others() -> None:
    content = time_to_accuracy.of_runs(two_recipes(validation=5000))
    assert "On d, long takes longest (8.0 minutes)" in words(content)
    assert "is furthest behind after 2.0 minutes: 35.00 points below short." in words(content)  # the mean of 0.8 and 0.9, above 0.5
    ahead = [
        made("a", resolved=SHORT, val_accuracy=(0.2, 0.3), validation=5000),
        made("b", resolved=LONG, seconds=90.0, val_accuracy=(0.4, 0.5), validation=5000),
    ]
    assert "is never clearly below another recipe." in words(time_to_accuracy.of_runs(ahead))
    assert "is never clearly below another recipe." in words(time_to_accuracy.of_runs(two_recipes(validation=5)))
    assert "takes longest" not in words(time_to_accuracy.of_runs(two_recipes()))  # the number of validation images is unknown


def test_seconds_are_called_so_and_a_recipe_that_takes_hardly_longer_is_not_called_the_longest() -> None:
    for seconds, said in ((8.0, False), (9.5, False), (9.7, True)):
        runs = [
            made("a", resolved=SHORT, seconds=8.0, val_accuracy=(0.2, 0.9), validation=5000),
            made("b", resolved=LONG, seconds=seconds, val_accuracy=(0.2, 0.4), validation=5000),
        ]
        content = time_to_accuracy.of_runs(runs)
        assert ("takes longest" in words(content)) == said
        assert "short 90.00% after 8 seconds" in content.figures[0].text
    assert "long takes longest (10 seconds)" in words(content)
    assert "is furthest behind after 8 seconds: 70.00 points below short." in words(content)


def test_runs_that_are_left_out_are_named_with_the_reason() -> None:
    extra = [made("dark", val_accuracy=(NAN,)), made("untimed", seconds=NAN), made("alone", data="e")]
    content = time_to_accuracy.of_runs([*two_recipes(), *extra])
    assert "Left out: dark (no validation), untimed (unknown time), alone (the only run on its data)." in content.paragraphs
    assert not time_to_accuracy.of_runs([*two_recipes()[:1], *extra])
    assert "machine" not in words(content)
    assert "measured on different machines" in words(time_to_accuracy.of_runs(two_recipes(hardware="another")))


def test_the_minutes_are_by_logarithm_where_runs_differ_much_in_length() -> None:
    for factor, scale in ((20, "linear"), (21, "log")):
        runs = [made("a", resolved=SHORT), made("b", resolved=LONG, seconds=60.0 * factor)]
        with report_style():
            drawn = time_to_accuracy.of_runs(runs).figures[0].draw()
        (panel,) = drawn.axes
        assert panel.get_xscale() == scale
        ticks = panel.get_xaxis().get_ticklocs()
        assert [tick.get_text() for tick in panel.get_xticklabels()] == [write_short_number(minutes) for minutes in ticks]


def test_the_lines_are_the_curves_and_the_best_recipes_are_drawn() -> None:
    recipes = [made(f"r{n}", resolved={**changed(), "name": f"r{n}"}, val_accuracy=(0.1, 0.1 * n)) for n in range(1, 10)]
    drawing = time_to_accuracy.of_runs(recipes).figures[0]
    assert f"the {MAX_LINES} best of 9 recipes are shown" in drawing.caption
    with report_style():
        lines = drawing.draw().axes[0].get_lines()[::2]
    assert [line.get_label() for line in lines] == [f"r{n}" for n in range(9, 9 - MAX_LINES, -1)]
    assert lines[0].get_drawstyle() == "steps-post"
    assert np.array(lines[0].get_xydata())[:-1].round(9).tolist() == [[0.5, 0.1], [1.0, 0.9], [1.0, 0.9]]
    assert len({dashes for _, dashes in LINE_LOOKS}) == len({colour for colour, _ in LINE_LOOKS}) == MAX_LINES


def test_each_data_set_has_its_own_figure_that_of_the_most_runs_first() -> None:
    content = time_to_accuracy.of_runs([made("a", data="e"), made("b", data="e"), *two_recipes()])
    assert [drawing.name for drawing in content.figures] == ["time_to_accuracy", "time_to_accuracy_2"]
    assert [" on d " in content.figures[0].caption, " on e " in content.figures[1].caption] == [True, True]
    assert rows_of(content)["dataset"].tolist() == ["d", "d", "e"]
