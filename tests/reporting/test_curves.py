"""Laws of the learning curves of recipes: mean and range over the runs, and names that do not cover each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from run_folders import write_run

from kcifar.pictures.style import report_style
from kcifar.reporting.analysis.mean_curves import make_mean_curve
from kcifar.reporting.charts.curves import spread
from kcifar.reporting.charts.line_looks import LINE_LOOKS, MAX_LINES
from kcifar.reporting.sections import curves
from kcifar.runs.load import LoadedRun, load_run


def run_of(folder: Path, accuracies: list[float], seed: int = 0, name: str = "a") -> LoadedRun:
    run = load_run(write_run(folder, seed=seed, arrays=False, changes={"name": name}), folder.name)
    history = run.history.iloc[: len(accuracies)].assign(val_accuracy=accuracies)
    return replace(run, history=history)


def test_a_curve_is_mean_and_range_over_the_epochs_that_all_runs_completed(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "a", [0.1, 0.5, 0.7]), run_of(tmp_path / "b", [0.3, 0.4])]
    curve = make_mean_curve("r", runs)
    assert curve
    assert curve.epochs.tolist() == [1, 2]
    np.testing.assert_allclose(curve.mean, [0.2, 0.45])
    np.testing.assert_allclose(curve.lowest, [0.1, 0.4])
    np.testing.assert_allclose(curve.highest, [0.3, 0.5])


def test_epochs_without_validation_leave_no_point_and_runs_without_any_no_curve(tmp_path: Path) -> None:
    curve = make_mean_curve("r", [run_of(tmp_path / "a", [0.1, np.nan, 0.7])])
    assert curve
    assert curve.epochs.tolist() == [1, 3]
    assert make_mean_curve("r", [run_of(tmp_path / "b", [np.nan, 0.1]), run_of(tmp_path / "c", [0.1, np.nan])]) is None


def drawn(runs: list[LoadedRun]) -> Figure:
    with report_style():
        return curves.of_runs(runs).figures[0].draw()


def test_one_line_per_recipe_with_a_band_where_it_has_several_runs_best_first(tmp_path: Path) -> None:
    low = [run_of(tmp_path / f"low{seed}", [0.1, 0.2 + seed / 10], seed, "low") for seed in range(3)]
    high = [run_of(tmp_path / "high", [0.5, 0.9], name="high")]
    panel = drawn([*low, *high]).axes[0]
    solid = [line for line in panel.lines if line.get_transform() == panel.transData]
    assert [line.get_color() for line in solid] == [color for color, _ in LINE_LOOKS[:2]]
    np.testing.assert_allclose(solid[0].get_ydata(), [0.5, 0.9])
    np.testing.assert_allclose(solid[1].get_ydata(), [0.1, 0.3])
    (band,) = panel.collections
    assert sorted({round(float(y), 6) for y in band.get_paths()[0].vertices[:, 1]}) == [0.1, 0.2, 0.4]
    assert [text.get_text() for text in panel.texts] == ["high", "low ×3"]


def test_who_cannot_see_it_is_told_the_ends_and_who_has_no_curve(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / f"r{seed}", [0.1, 0.2], seed) for seed in range(2)]
    (figure,) = curves.of_runs([*runs, run_of(tmp_path / "none", [np.nan])]).figures
    assert "a 20.00% in epoch 2" in figure.text
    assert figure.caption.endswith("Without validation accuracy: none.")
    assert not curves.of_runs(runs[:1])


def test_more_recipes_than_looks_are_counted(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / f"r{n}", [0.1, n / 10], name=f"r{n}") for n in range(MAX_LINES + 1)]
    (figure,) = curves.of_runs(runs).figures
    assert f"The {MAX_LINES} best of {MAX_LINES + 1} recipes are shown." in figure.caption
    assert len(drawn(runs).axes[0].texts) == MAX_LINES


@given(st.lists(st.floats(0, 1), min_size=1, max_size=MAX_LINES))
def test_names_keep_the_order_of_their_lines_and_their_distance_and_stay_in_the_panel(heights: list[float]) -> None:
    gap = 0.14
    places = spread(np.array(heights), gap)
    order = np.argsort(-np.array(heights), kind="stable")
    assert (np.diff(places[order]) <= -gap + 1e-9).all()
    assert places.min() >= -1e-9
    assert places.max() <= 1 + 1e-9


@pytest.mark.parametrize("heights", [[0.2, 0.9, 0.5], [0.0, 1.0]])
def test_names_with_room_are_next_to_their_lines(heights: list[float]) -> None:
    np.testing.assert_allclose(spread(np.array(heights), 0.2), heights)
