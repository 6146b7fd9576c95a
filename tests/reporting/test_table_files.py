"""Laws of the report's tables: what they say is what the run folders hold, in files and on the terminal."""

import csv
import io
import math
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console
from run_folders import CASES, CONFUSION_MATRIX, HOSTILE, STAGES

from kcifar.core.errors import one_line
from kcifar.core.number_format import write_rate
from kcifar.reporting.page.columns import LOSS, MISSING, PERCENT, TEXT, format_table, make_frame
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.latex_tables import escape_latex, to_latex
from kcifar.reporting.page.table_files import escape_markdown, join_runs, to_markdown, write_table
from kcifar.reporting.page.terminal import MAX_ROWS, print_table
from kcifar.reporting.sections import classes, stages, summary
from kcifar.reporting.stats.intervals import compute_fraction_interval, harmonic_mean_rate, wilson_interval
from kcifar.runs.arrays import Predictions
from kcifar.runs.evaluation_result import evaluate_predictions
from kcifar.runs.load import LoadedRun, load_run
from kcifar.runs.schemas import NamedPart, PlannedStage, RecipeFile, StatusFile

SHARES = st.floats(0, 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedRun]:
    folder = tmp_path_factory.mktemp("runs")
    return {case: load_run(write(folder / case), f"{case} {HOSTILE}") for case, write in CASES.items()}


def _table(section: ModuleType, run: LoadedRun) -> Table:
    """The one table that a section makes of a run."""
    (table,) = section.of_run(run).tables
    return table


def _rows(section: ModuleType, run: LoadedRun) -> pandas.DataFrame:
    return _table(section, run).frame


# What the tables say


@st.composite
def measured_runs(draw: st.DrawFn) -> LoadedRun:
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    epochs = sum(lengths)
    rows = [(f"s{index}", index) for index, length in enumerate(lengths) for _ in range(length)]
    shares = st.lists(SHARES, min_size=epochs, max_size=epochs)
    history = pandas.DataFrame(rows, columns=["stage", "stage_index"]).assign(epoch=range(1, epochs + 1), learning_rate=1e-3)
    history = history.assign(accuracy=draw(shares), val_accuracy=draw(shares), loss=1.0, val_loss=1.0, seconds=2.0, images_per_second=50.0)
    planned = [PlannedStage(name=f"s{index}", epochs=length) for index, length in enumerate(lengths)]
    recipe = RecipeFile(name="r", dataset=NamedPart(name="d"), model=NamedPart(name="m"), stages=planned)
    return LoadedRun("r", Path("r"), recipe, history, StatusFile(state="finished"))


@settings(max_examples=40)
@given(measured_runs())
def test_stage_gains_add_up_to_what_the_run_gained(run: LoadedRun) -> None:
    table, validation = _rows(stages, run), run.history["val_accuracy"]
    assert table["val_gain"].sum() == pytest.approx(validation.iloc[-1] - validation.iloc[0], abs=1e-12)
    assert table["epochs"].sum() == len(validation)
    assert table["seconds"].sum() == run.history["seconds"].sum()


@settings(max_examples=40)
@given(measured_runs())
def test_best_values_are_maxima_and_are_reached(run: LoadedRun) -> None:
    row, validation = _rows(summary, run).iloc[0], run.history["val_accuracy"]
    assert row["best_val_accuracy"] == validation.max() == _rows(stages, run)["best_val_accuracy"].max()
    assert row["best_epoch"] == validation.tolist().index(validation.max()) + 1  # the first of several
    assert row["final_val_accuracy"] == validation.iloc[-1]
    for stage, rows in run.history.groupby("stage"):
        assert _rows(stages, run).loc[stage, "best_accuracy"] == rows["accuracy"].max()


def test_the_stage_table_of_a_run_by_hand(saved: dict[str, LoadedRun]) -> None:
    table = _rows(stages, saved["three stages"])
    assert table["first_learning_rate"].tolist() == table["last_learning_rate"].tolist() == [3e-4, 1e-4, 5e-5]
    validation = [0.95 - 0.7 / epoch for epoch in range(1, 10)]
    assert table["val_gain"].tolist() == pytest.approx([validation[3] - validation[0], validation[6] - validation[3], validation[8] - validation[6]])
    assert table["seconds"].tolist() == [160.0, 120.0, 80.0]


def test_the_row_of_a_run_by_hand(saved: dict[str, LoadedRun]) -> None:
    row = _rows(summary, saved["three stages"]).iloc[0]
    assert (row["parameters"], row["MiB"], row["epochs"], row["best_epoch"]) == (
        17_001_930,
        pytest.approx(64.857, abs=1e-3),
        9,
        9,
    )  # Keras prints 64.86
    assert (row["minutes"], row["images_per_second"], row["backend"]) == (6.0, pytest.approx(1000.0), "tensorflow")
    assert (row["test_accuracy"], row["test_low"], row["test_high"]) == (25 / 30, *wilson_interval(25, 30))


def test_class_counts_are_those_of_the_confusion_matrix(saved: dict[str, LoadedRun]) -> None:
    table = _rows(classes, saved["three stages"])
    assert len(table) == len(CONFUSION_MATRIX)
    assert not classes.of_run(saved["interrupted"])  # neither test nor predictions
    assert table["tp"].tolist() == [8, 7, 10]
    assert (table[["tp", "fp", "fn", "tn"]].sum(axis="columns") == 30).all()
    assert (table["tp"] + table["fn"] == table["support"]).all()


def test_measures_without_a_denominator_are_missing(saved: dict[str, LoadedRun]) -> None:
    table = _rows(classes, saved["one class never predicted, one without images"])
    assert table["support"].tolist() == [10, 0, 10]
    assert table[["precision", "recall", "f1"]].isna().to_numpy().tolist() == [[False] * 3, [True] * 3, [False] * 3]


def test_missing_and_not_finite_values_are_missing_in_the_tables(saved: dict[str, LoadedRun]) -> None:
    without = format_table(_rows(summary, saved["no validation"]), summary.COLUMNS).iloc[0]
    assert [without[name] for name in ("final val accuracy", "best val accuracy", "best epoch")] == [MISSING] * 3
    failed = saved["not finite"]
    assert failed.best_validation == (pytest.approx(0.95 - 0.7 / 9), 9)
    assert _rows(stages, failed)["last_val_accuracy"].isna().tolist() == [True, False, False]
    assert _rows(summary, saved["nothing finite"])["images_per_second"].isna().all()


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
)
def test_wilson_intervals_of_newcombe_1998_table_1(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_a_wilson_interval_holds_the_share_mirrors_and_narrows(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    wide, narrow = high - low, wilson_interval(4 * successes, 4 * trials)
    assert narrow[1] - narrow[0] < wide


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_interval_of_a_share_is_that_of_its_count(case: tuple[int, int]) -> None:
    successes, trials = case
    assert compute_fraction_interval(successes / trials, trials) == wilson_interval(successes, trials)


def test_a_cross_entropy_of_nothing_has_no_sign() -> None:
    certain = Predictions("test", np.array([0, 1]), np.eye(2), np.arange(2))
    entropy = evaluate_predictions(certain, ["a", "b"]).cross_entropy
    assert entropy is not None
    assert LOSS.write(entropy) == "0.0000"


def test_the_mean_rate_is_all_work_over_all_time() -> None:
    assert harmonic_mean_rate([100.0, 50.0]) == pytest.approx(200 / 3)  # 100 images in 1 s and 100 in 2 s
    assert harmonic_mean_rate([100.0, math.nan, 0.0]) == 100.0
    assert math.isnan(harmonic_mean_rate([]))


# Writing for people and for programs


@pytest.mark.parametrize(
    ("rate", "text"), [(3e-4, "3e-4"), (5e-5, "5e-5"), (1.25e-3, "1.25e-3"), (0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (0.0, "0"), (1e5, "1e5")]
)
def test_learning_rates_are_written_as_in_recipes(rate: float, text: str) -> None:
    assert write_rate(rate) == text


@given(st.text())
@example(HOSTILE)
@example("&lt; &amp; \\| __a__ ~~b~~")
def test_markdown_shows_names_as_they_are(name: str) -> None:
    shown = one_line(name).strip()
    assume(shown)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(f"| a | b |\n| --- | --- |\n| {escape_markdown(shown)} | x |\n")
    cells = [token.children or [] for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    assert {token.type for token in cells[2]} <= {"text", "text_special"}
    assert "".join(token.content for token in cells[2]) == shown


def test_markdown_tables_have_one_line_a_row_and_percent(saved: dict[str, LoadedRun]) -> None:
    text = to_markdown(_table(stages, saved["three stages"]))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(STAGES)
    assert len({len(line) for line in lines}) == 1  # columns line up
    assert [cell.strip() for cell in lines[2].split("|")[3:10]] == ["3e-4", "3e-4", "30.00%", "82.50%", "82.50%", "25.00%", "77.50%"]
    assert stages.NOTE in text


def test_names_that_are_not_utf8_can_be_written(tmp_path: Path) -> None:
    table = Table("x", "X", {"run": TEXT}, make_frame([{"run": "run\udcff"}], {"run": TEXT}, ("run",)))
    for path in write_table(table, tmp_path, ["csv", "md", "tex", "html"]):
        assert path.read_text(encoding="utf-8").isprintable() is False  # there are ends of lines
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == "run\nrun\ufffd\n"


def test_csv_files_hold_fractions_in_full_precision_and_name_the_run(saved: dict[str, LoadedRun], tmp_path: Path) -> None:
    table = join_runs(list(saved), [_table(summary, run) for run in saved.values()])
    (path,) = write_table(table, tmp_path, ["csv"])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == list(saved)
    assert float(rows[0]["test_accuracy"]) == 25 / 30
    assert float(rows[0]["final_val_accuracy"]) == saved["three stages"].history["val_accuracy"].iloc[-1]
    assert [row["run"] for row in rows if row["test_accuracy"] == ""] == ["interrupted", "not finite"]


def test_tables_of_several_runs_keep_kinds_and_order(saved: dict[str, LoadedRun]) -> None:
    tables = [_table(stages, saved[case]) for case in ("three stages", "one epoch")]
    together = join_runs(["b", "a"], tables)
    assert together.frame.index.names == ["run", "stage"]
    assert together.frame.index.get_level_values("run").tolist() == ["b"] * 3 + ["a"]
    flat = together.frame.reset_index()
    assert [str(dtype) for dtype in flat.dtypes] == [kind.dtype for kind in together.columns.values()]
    pandas.testing.assert_frame_equal(together.frame.loc["b"], tables[0].frame)


@pytest.mark.parametrize("rows", [1, 60])
def test_latex_tables_hold_one_line_a_row_and_nothing_that_latex_obeys(rows: int) -> None:
    frame_of_rows = make_frame([{"name": HOSTILE, "share": 0.5}] * rows, {"name": TEXT, "share": PERCENT}, ("name",))
    text = to_latex(Table("x", "100% of $x$", {"name": TEXT, "share": PERCENT}, frame_of_rows))
    environment = "table" if rows == 1 else "longtable"
    assert f"\\begin{{{environment}}}" in text
    assert f"\\end{{{environment}}}" in text
    lines = [line for line in text.splitlines() if line.endswith(r"50.00\% \\")]
    assert len(lines) == rows
    assert all(line.count(" & ") == 1 for line in lines)
    assert r"\caption{100\% of \$x\$" in text


@given(st.text())
@example("\\")
@example(HOSTILE)
def test_latex_escapes_leave_no_sign_that_latex_obeys(text: str) -> None:
    escaped = escape_latex(text)
    named = re.sub(r"\\text[a-z]+\{\}|\{([\[\]*])\}", "", escaped)
    assert not re.search(r"(?<!\\)[&%$#_{}~^\\](?![&%$#_{}])", named)
    assert sum(escaped.count(f"\\{sign}") for sign in "&%$#_{}") == sum(text.count(sign) for sign in "&%$#_{}")


# On the terminal


def _printed(table: Table, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_table(console, table)
    return console.file.getvalue()


@pytest.mark.parametrize("section", [summary, stages, classes])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_printed_tables_fit_the_terminal_and_lose_nothing(section: ModuleType, width: int, saved: dict[str, LoadedRun]) -> None:
    table = _table(section, saved["three stages"])
    text = _printed(table, width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    for column in list(format_table(table.frame, table.columns).items())[table.frame.index.nlevels :]:
        assert all(cell in text for cell in column[1])


def test_long_tables_say_how_much_is_left_out() -> None:
    columns = {"run": TEXT, "loss": LOSS}
    rows = make_frame([{"run": f"r{n}", "loss": n} for n in range(MAX_ROWS + 3)], columns, ("run",))
    text = _printed(Table("x", "X", columns, rows, page_rows=MAX_ROWS + 1))
    assert "3 more rows: --format csv writes all rows to x.csv" in text
    assert f"r{MAX_ROWS - 1} " in text
    assert f"r{MAX_ROWS} " not in text


def test_markup_in_names_is_printed_not_obeyed() -> None:
    columns = {"run": TEXT, "share": PERCENT}
    rows = make_frame([{"run": "[bold]a[/bold]\x1b[31m", "share": 0.5}, {"run": "b", "share": 1.0}], columns, ("run",))
    assert "[bold]a[/bold] [31m" in _printed(Table("x", "X", columns, rows))
