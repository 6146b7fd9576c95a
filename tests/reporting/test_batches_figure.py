"""Laws of the figure over updates, and of the curves drawn in it.

Run alone with `pytest tests/reporting/test_batches_figure.py`.
"""

import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from run_folders import CASES, HOSTILE, write_run

from kcifar.pictures.saving import render_figure
from kcifar.pictures.style import report_style
from kcifar.reporting.charts.batches import estimate_epoch_ends, make_stage_ranges
from kcifar.reporting.sections import batches
from kcifar.reporting.stats.downsampling import downsample_m4, running_mean
from kcifar.runs.load import LoadedRun, load_run

VALUES = st.lists(st.sampled_from([math.nan, 0.0, 1.0, 2.5, -3.0, 1e20]), min_size=1, max_size=40)


@pytest.fixture
def run(tmp_path: Path) -> LoadedRun:
    """Three stages of 4, 3 and 2 epochs, forty updates each, a row every ten."""
    return load_run(write_run(tmp_path / "run"), "run")


def with_rows(run: LoadedRun, **columns: Any) -> LoadedRun:
    """The run with other rows in batches.csv."""
    changed = dataclasses.replace(run)
    object.__setattr__(changed, "batches", pandas.DataFrame({"stage": "learn", "epoch": 1.0, "accuracy": 0.5, "loss": 1.0} | columns))
    return changed


def drawn_lines(run: LoadedRun) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What is drawn, by panel and label: x and y."""
    with report_style():
        figure: Figure = batches.draw_batches(run)
    names = ("accuracy", "loss", "rate")
    return {
        f"{name} {line.get_label()}": (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
        for name, panel in zip(names, figure.axes, strict=False)
        for line in panel.lines
    }


# Curves


@settings(max_examples=50)
@given(VALUES, st.integers(1, 50))
def test_the_running_mean_is_that_of_numpy_over_each_window(values: list[float], window: int) -> None:
    array = np.array(values)
    result = running_mean(array, window, np.arange(len(array)))
    for place, mean in enumerate(result):
        begin = place - (window - 1) // 2
        inside = [value for value in values[max(begin, 0) : begin + window] if not math.isnan(value)]
        assert mean == pytest.approx(math.fsum(inside) / len(inside) if inside else math.nan, nan_ok=True)


def test_a_huge_value_leaves_no_trace_outside_its_windows() -> None:
    values = np.ones(50)
    values[10] = 1e30
    assert (running_mean(values, 5, np.arange(13, 50)) == 1).all()


@settings(max_examples=50)
@given(VALUES, st.integers(1, 5))
def test_an_outline_keeps_ends_and_extremes_of_every_bucket(values: list[float], buckets: int) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    places = downsample_m4(x, y, buckets)
    assert (np.diff(places) > 0).all()
    assert len(places) <= 4 * buckets
    assert (places[0], places[-1]) == (0, len(values) - 1)
    whole, kept = ((x[at], y[at]) for at in (np.arange(len(x)), places))
    edges = np.linspace(0, max(x[-1], 1e-300), buckets + 1)
    for low, high in itertools.pairwise(edges):
        extremes = []
        for xs, ys in (whole, kept):
            inside = ys[(xs >= low) & ((xs < high) | (high == edges[-1]))]
            finite = inside[np.isfinite(inside)]
            extremes.append((finite.min(), finite.max()) if len(finite) else None)
        assert extremes[0] == extremes[1]


def test_an_outline_of_no_points_has_none() -> None:
    assert len(downsample_m4(np.zeros(0), np.zeros(0), 3)) == 0


# The figure


def test_stages_and_epochs_lie_where_the_rows_say(run: LoadedRun) -> None:
    assert run.batches is not None
    assert make_stage_ranges(run.batches, 3) == [("learn", 0, 160), ("refine", 160, 280), ("polish", 280, 360)]
    assert estimate_epoch_ends(run.batches, 9).tolist() == [40.0 * epoch for epoch in range(10)]
    with report_style():
        steps: Any = batches.draw_batches(run).axes[2].patches[0]
    stairs = steps.get_data()
    assert stairs.values.tolist() == [3e-4] * 4 + [1e-4] * 3 + [5e-5] * 2
    assert stairs.edges.tolist() == [40.0 * epoch for epoch in range(10)]


def test_epochs_without_rows_share_the_updates_between_those_that_have_some() -> None:
    rows = pandas.DataFrame({"step": [10.0, 30.0], "epoch": [1.0, 3.0]})
    assert estimate_epoch_ends(rows, 5).tolist() == [0, 10, 20, 30]


def test_stages_that_change_more_often_than_the_recipe_has_them_are_not_named() -> None:
    rows = pandas.DataFrame({"step": [1.0, 2.0, 3.0, 4.0], "stage": ["a", "b", "a", "b"]})
    assert make_stage_ranges(rows, 3) == [("", 0.0, 4.0)]


def test_few_rows_are_drawn_as_they_are(run: LoadedRun) -> None:
    lines = drawn_lines(run)
    result = [value for name, value in lines.items() if name.startswith("accuracy") and len(value[0]) == 36]
    assert run.batches is not None
    assert len(result) == 1
    assert result[0][0].tolist() == run.batches["step"].tolist()
    assert result[0][1].tolist() == run.batches["accuracy"].tolist()
    assert "running mean" not in batches.of_run(run).figures[0].caption


def test_the_running_mean_does_not_look_across_stages(run: LoadedRun) -> None:
    steps = np.arange(1.0, 401.0)
    later = steps > 200
    lines = drawn_lines(with_rows(run, step=steps, stage=np.where(later, "b", "a"), loss=np.where(later, 1.0, 2.0)))
    x, y = lines["loss running mean of 8 points"]
    assert set(y[x <= 200]) == {2.0}
    assert set(y[x > 200]) == {1.0}
    assert np.isnan(y).sum() == 2  # a gap after each stage
    assert x[~np.isnan(x)].tolist() == steps.tolist()


def test_the_caption_tells_the_window_and_what_a_point_is(run: LoadedRun) -> None:
    caption = batches.of_run(with_rows(run, step=np.arange(1.0, 401.0) * 50)).figures[0].caption
    assert "up to 50" in caption
    assert "running mean of 8 points" in caption


def test_a_hundred_thousand_rows_are_a_small_file_that_keeps_the_extremes(run: LoadedRun) -> None:
    rng = np.random.default_rng(0)
    loss = rng.random(100_000) + 1
    loss[77_777] = 9.0
    content = batches.of_run(with_rows(run, step=np.arange(1.0, 100_001.0), loss=loss, accuracy=rng.random(100_000), stage="a"))
    _, svg = render_figure(content.figures[0].draw)
    assert len(svg) < 200_000
    _, y = drawn_lines(with_rows(run, step=np.arange(1.0, 100_001.0), loss=loss))["loss batches"]
    assert y.max() == 9.0


def test_rows_that_cannot_be_are_passed_over(run: LoadedRun) -> None:
    steps, epochs = [3.0, -1.0, 1e300, 2.0, 1.0], [1.0, 1.0, 1.0, -5.0, 1.0]
    odd = with_rows(run, step=steps, epoch=epochs, loss=[1e308, 1.0, 1.0, 1.0, 2.0])
    text = batches.of_run(odd).figures[0].text
    assert "over 3 updates" in text
    assert "loss from 2.0000 to 2.0000" in text
    assert render_figure(batches.of_run(odd).figures[0].draw)
    assert not batches.of_run(with_rows(run, step=[-1.0, 1e300]))


def test_a_run_without_rows_has_no_figure(tmp_path: Path) -> None:
    assert not batches.of_run(load_run(write_run(tmp_path / "run", arrays=False), "run"))


@pytest.mark.parametrize("case", ["not finite", "nothing finite", "forty stages, hostile names"])
def test_the_figure_is_drawn_for_every_kind_of_run_and_the_same_twice(case: str, tmp_path: Path) -> None:
    result = load_run(CASES[case](tmp_path / "run"), HOSTILE)
    (drawing,) = batches.of_run(result).figures
    assert render_figure(drawing.draw) == render_figure(drawing.draw)
    assert "nan" not in drawing.text + drawing.caption
    assert ("no finite value" in drawing.text) == (case == "nothing finite")
