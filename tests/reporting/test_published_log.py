"""Laws of runs compared with a published log: what is read, how it is joined, and what is said of it.

Run alone with `pytest tests/reporting/test_published_log.py`.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import changed, made, rows_of, words
from run_folders import write_run

from kcifar.core.errors import UserError
from kcifar.pictures.style import report_style
from kcifar.reporting.charts.published_log import _LOOKS, MAX_RECIPES
from kcifar.reporting.sections import published_log
from kcifar.runs.csv_files import read_published_log
from kcifar.runs.load import LoadedRun

NAN = math.nan
ACCURACIES = st.lists(st.integers(0, 100).map(lambda hundredths: hundredths / 100), min_size=1, max_size=8)


def log_of(val_accuracy: list[float], first: int = 1) -> pandas.DataFrame:
    epochs = range(first, first + len(val_accuracy))
    return pandas.DataFrame({"epoch": epochs, "accuracy": 0.25, "val_accuracy": val_accuracy})


def beside(log: pandas.DataFrame | None, *runs: LoadedRun) -> Any:
    return published_log.of_runs([replace(run, published=log) for run in runs])


# What is read


def written(folder: Path, text: str) -> Path:
    path = folder / "log.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_log_is_read_by_its_columns_whatever_else_it_holds(tmp_path: Path) -> None:
    result = read_published_log(written(tmp_path, "seconds, val_accuracy,epoch ,note\n59,0.5,1,a\n41,,3,b\n\n"))
    assert result["epoch"].tolist() == [1, 3]
    assert result["val_accuracy"].tolist() == pytest.approx([0.5, NAN], nan_ok=True)
    assert result["accuracy"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch,loss\n1,2.0\n", "log.csv:1: expected the column epoch and at least one of accuracy and val_accuracy, each once, got epoch,loss"),
        ("accuracy\n0.5\n", "log.csv:1: expected the column epoch and at least one of accuracy"),
        ("epoch,accuracy,accuracy\n1,0.5,0.5\n", "each once, got epoch,accuracy,accuracy"),
        ("epoch,accuracy\n", "expected a CSV file with one row per epoch, got no rows"),
        ("", "expected a CSV file with one row per epoch, got no rows"),
        ("epoch,accuracy\n\n\n1,half\n", "log.csv:4: accuracy: expected a number, got 'half'"),
        ("epoch,accuracy\n1e30,0.5\n", "log.csv: expected ascending integer epochs from 1, got 1e+30"),
        ("epoch,accuracy\n1,0.5\n2\n", "log.csv:3: expected 2 values, got 1"),
        ("epoch,accuracy\n1,half\n", "log.csv:2: accuracy: expected a number, got 'half'"),
        ("epoch,val_accuracy\n1,0.5\n2,48.6\n", "log.csv: val_accuracy: expected fractions from 0 to 1, got 48.6 in epoch 2"),
        ("epoch,val_accuracy\n2,0.5\n1,0.6\n", "log.csv: expected ascending integer epochs from 1, got 2, 1"),
        ("epoch,val_accuracy\n1,0.5\n1,0.6\n", "log.csv: expected ascending integer epochs from 1, got 1, 1"),
        ("epoch,val_accuracy\n0.5,0.5\n", "log.csv: expected ascending integer epochs from 1, got 0.5"),
        ("epoch,val_accuracy\n,0.5\n", "log.csv: expected ascending integer epochs from 1, got nan"),
    ],
)
def test_a_log_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_published_log(written(tmp_path, text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_history_is_a_log(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    history = pandas.read_csv(run / "history.csv")
    assert read_published_log(run / "history.csv")["val_accuracy"].tolist() == history["val_accuracy"].tolist()


# What is said


def test_without_a_log_nothing_is_said() -> None:
    assert not beside(None, made("a"))


@given(ACCURACIES)
def test_a_run_beside_its_own_history_differs_nowhere(accuracies: list[float]) -> None:
    content = beside(log_of(accuracies), made("a", val_accuracy=accuracies))
    assert rows_of(content)["difference"].tolist() == [0] * len(accuracies)
    assert f"above the published log in 0 of {len(accuracies)} epochs" in words(content)


@given(ACCURACIES, ACCURACIES, st.integers(1, 5))
def test_every_epoch_of_either_has_a_row_and_those_of_both_a_difference(accuracies: list[float], published: list[float], first: int) -> None:
    rows = rows_of(beside(log_of(published, first), made("a", val_accuracy=accuracies))).loc["lenet"]
    common = range(first, min(len(accuracies), first + len(published) - 1) + 1)
    expected = {epoch: accuracies[epoch - 1] - published[epoch - first] for epoch in common}
    assert rows.index.tolist() == sorted({*range(1, len(accuracies) + 1), *range(first, first + len(published))})
    assert rows["difference"].dropna().to_dict() == pytest.approx(expected)


def test_rows_are_means_over_the_runs_that_completed_the_epoch() -> None:
    runs = [made("a", seed=0, val_accuracy=(0.4, 0.7)), made("b", seed=1, val_accuracy=(0.6,))]
    one, two = (rows_of(beside(log_of([0.3, 0.8]), *runs)).loc["lenet"].loc[epoch] for epoch in (1, 2))
    assert (one["runs"], one["val_accuracy"], one["difference"]) == (2, pytest.approx(0.5), pytest.approx(0.2))
    assert one["val_deviation"] == pytest.approx(0.02**0.5)
    assert (two["runs"], two["val_accuracy"], two["difference"]) == (1, pytest.approx(0.7), pytest.approx(-0.1))
    assert "above the published log in 1 of 2 epochs" in words(beside(log_of([0.3, 0.8]), *runs))
    assert "In epoch 2 (reached by 1 run), the last of both: 70.00% here and 80.00% in the log." in words(beside(log_of([0.3, 0.8]), *runs))
    assert (one["published_accuracy"], one["accuracy"]) == (0.25, 0.5)


def test_what_rounding_makes_of_equal_numbers_is_no_difference() -> None:
    runs = [made("a", seed=0, val_accuracy=(0.4,)), made("b", seed=1, val_accuracy=(0.2,))]
    assert "above the published log in 0 of 1 epochs" in words(beside(log_of([0.3]), *runs))  # their mean is 0.30000000000000004


def test_many_recipes_are_described_no_longer_than_one_reads() -> None:
    recipes = [made(f"r{n}", resolved={**changed(), "name": f"r{n}"}) for n in range(60)]
    content = beside(log_of([0.3]), *recipes, made("other", data="e"))
    assert content.paragraphs[0] == "The runs use 2 different data sets; only those on the data of the log can be compared with it."
    assert len(content.paragraphs) == 12
    assert content.paragraphs[-1] == "51 more are in the table."
    assert content.figures[0].text.count("above the published log in") == MAX_RECIPES


def test_the_sentence_has_mean_extremes_and_the_last_epoch_of_both() -> None:
    content = beside(log_of([0.3, 0.8, 0.5, 0.9]), made("a", val_accuracy=(0.5, 0.7, 0.6)))
    assert words(content) == (
        "lenet (1 run): validation accuracy is above the published log in 2 of 3 epochs; the mean difference is +6.67 points, from -10.00 (epoch 2) to "
        "+20.00 (epoch 1). In epoch 3, the last of both: 60.00% here and 50.00% in the log."
    )


def test_what_chance_alone_may_do_is_said_where_the_images_are_counted() -> None:
    run = made("a", val_accuracy=(0.8,))
    assert run.dataset
    counted = replace(run, dataset=run.dataset.model_copy(update={"counts": {"validation": 10_000}}))
    said = words(beside(log_of([0.5]), counted))
    assert "a single run on its own 10,000 images, chance alone explains differences up to 1.26 points (95%)." in said  # as in binomial_half_width


@pytest.mark.parametrize("log", [log_of([NAN, NAN]), log_of([0.5], first=9)])
def test_a_log_that_shares_no_epoch_says_so(log: pandas.DataFrame) -> None:
    content = beside(log, made("a"))
    assert words(content) == "lenet: no epoch has a validation accuracy in both the runs and the published log."
    with report_style():
        content.figures[0].draw()


def test_the_chart_has_a_line_for_each_run_and_the_log() -> None:
    recipes = [made(f"r{n}", resolved={**changed(), "name": f"r{n}"}, val_accuracy=(0.1, 0.01 * n)) for n in range(MAX_RECIPES + 1)]
    drawing = beside(log_of([0.3, 0.8]), *recipes, made("again", seed=1, resolved={**changed(), "name": "r0"})).figures[0]
    assert f"the first {MAX_RECIPES} of {MAX_RECIPES + 1} recipes are shown" in drawing.caption
    with report_style():
        figure = drawing.draw()
    upper, lower = ([line for line in panel.get_lines() if len(line.get_xdata()) == 2] for panel in figure.axes)
    assert len(upper) == len(lower) == MAX_RECIPES + 2  # one recipe has two runs
    assert upper[-1].get_ydata().tolist() == [0.3, 0.8]
    assert lower[-1].get_ydata().tolist() == [0.25, 0.25]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["r0 (2 runs)", "r1", "r2", "r3", "published log"]
    assert len({dashes for _, dashes in _LOOKS} | {":"}) == MAX_RECIPES + 1  # distinguished without colors
