"""All runs in one table, the most accurate first, and whether the best is better than the next."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure

from kcifar.pictures.style import BLACK, BLUE
from kcifar.reporting.analysis.groups import Group, group_by_data, rank_by_accuracy, take_best_of_each
from kcifar.reporting.analysis.leader import compute_accuracy_interval, describe_leader
from kcifar.reporting.charts.dot_plot import RowGroup, draw_dot_plot
from kcifar.reporting.page.columns import COUNT, DECIMAL, LOSS, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import harmonic_mean_rate
from kcifar.runs.load import LoadedRun

ORDER = 10
TITLE = "Comparison"
PRINTED = True
NOTE = (
    "By test accuracy within each data set; runs without a test result come last. Test low and high: the ends of the 95% Wilson interval of the "
    "test accuracy, each image seen once as it is (single view). MiB: the size of the weights. Minutes: of all completed epochs."
)
OVER_VIEWS = "test_accuracy_over_views"
COLUMNS = {
    "run": TEXT,
    "dataset": TEXT,
    "model": TEXT,
    "state": TEXT,
    "test_accuracy": PERCENT,
    "test_low": PERCENT,
    "test_high": PERCENT,
    OVER_VIEWS: PERCENT,
    "test_cross_entropy": LOSS,
    "parameters": COUNT,
    "MiB": DECIMAL,
    "multiply_accumulates": COUNT,
    "minutes": DECIMAL,
    "images_per_second": DECIMAL,
}
_MAX_DRAWN = 40


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a row for each run, what the lead of the best is worth, and the figure of the best; nothing for a single run."""
    if len(runs) < 2:
        return SectionContent()
    data, groups = group_by_data(runs), rank_by_accuracy(runs)
    pairs = sum(math.comb(len(group.runs), 2) for group in groups)
    leads = [(f"{group.label}: " if len(data) > 1 else "") + describe_leader(group.runs, pairs) for group in groups]
    paragraphs = [*_describe_data(data), *leads, *_describe_untested(runs)]
    return SectionContent(paragraphs, [_make_table(data, groups, runs)], [_make_figure(groups)] if groups else [])


def _make_table(data: Sequence[Group], groups: Sequence[Group], runs: Sequence[LoadedRun]) -> Table:
    labels = {id(run): group.label for group in data for run in group.runs}
    ordered = [run for group in groups for run in group.runs] + [run for run in runs if not run.test]
    columns = {name: kind for name, kind in COLUMNS.items() if name != OVER_VIEWS or any(run.test and run.test.views for run in runs)}
    rows = [{"dataset": labels[id(run)], **_make_row(run)} for run in ordered]
    return Table("comparison", "Comparison", columns, make_frame(rows, columns, ("run",)), NOTE)


def _make_row(run: LoadedRun) -> dict[str, Any]:
    row: dict[str, Any] = {"run": run.name, "model": run.recipe.model.name, "state": run.status.state}
    row |= {"minutes": run.minutes, "images_per_second": harmonic_mean_rate(run.history["images_per_second"])}
    if run.model:
        row |= {"parameters": run.model.parameters, "MiB": run.model.bytes / 2**20, "multiply_accumulates": run.model.multiply_accumulates}
    if run.test:
        low, high = compute_accuracy_interval(run)
        row |= {"test_accuracy": run.test.accuracy, "test_low": low, "test_high": high, "test_cross_entropy": run.test.cross_entropy}
        row |= {OVER_VIEWS: run.test.views.accuracy} if run.test.views else {}
    return row


def _describe_data(data: Sequence[Group]) -> Iterator[str]:
    """Say where runs are over different data, and where that is not known."""
    if len(data) > 1:
        counted = [f"{group.label}: {len(group.runs):,} run{'s' * (len(group.runs) != 1)}" for group in data]
        shown = "; ".join(counted[:5]) + (f"; {len(counted) - 5:,} more data sets" if len(counted) > 5 else "")
        yield f"The runs are over {len(data):,} different data sets, whose accuracies do not compare; they are ranked within each ({shown})."
    untold = [shorten_name(run.name) for group in data for run in group.runs if not (run.dataset and run.dataset.content_sha256)]
    if untold:
        yield f"Not recorded is the content of the data of {join_names(untold)}: the name of the data set and the number of test images stand for it."


def _describe_untested(runs: Sequence[LoadedRun]) -> Iterator[str]:
    untested = [shorten_name(run.name) + (f" ({run.progress})" if run.progress else "") for run in runs if not run.test]
    if untested:
        yield f"Without a test result: {join_names(untested)}."


def _make_figure(groups: Sequence[Group]) -> FigureSpec:
    shown = take_best_of_each(groups, _MAX_DRAWN)
    total, drawn = (sum(len(group.runs) for group in some) for some in (groups, shown))
    left_out = f"; the {drawn:,} best of {total:,} runs are shown" if drawn < total else ""
    caption = f"Test accuracy of each run (dot) and its 95% Wilson interval (line), the most accurate first{left_out}."
    return FigureSpec("comparison", lambda: draw_comparison(shown), caption, _describe_figure(shown))


def _describe_figure(groups: Sequence[Group]) -> str:
    readings = [join_names([f"{shorten_name(run.name)} {PERCENT.write(run.test_accuracy)}" for run in group.runs]) for group in groups]
    named = [f"{group.label}: {reading}" if len(groups) > 1 else reading for group, reading in zip(groups, readings, strict=True)]
    return f"Dot chart of test accuracy, the most accurate first: {'; '.join(named[:3])}."


def draw_comparison(groups: Sequence[Group]) -> Figure:
    """Draw the test accuracy of runs with its interval, a row a run, a block a data set."""
    blocks = [RowGroup(group.label, [run.name for run in group.runs], [PERCENT.write(run.test_accuracy) for run in group.runs]) for group in groups]
    figure, panel, heights = draw_dot_plot(blocks, "test accuracy")
    for group, rows in zip(groups, heights, strict=True):
        panel.hlines(rows, *zip(*map(compute_accuracy_interval, group.runs), strict=True), color=BLUE, linewidth=2.4)
        panel.plot([run.test_accuracy for run in group.runs], rows, "o", color=BLACK, markerfacecolor=BLUE, markersize=4.5)
    return figure
