"""All runs in one table, most accurate first, and whether the best is better than the next."""

from collections.abc import Iterator, Sequence
from typing import Any

from kcifar.reporting.analysis.groups import Group, group_by_data, rank_by_accuracy, take_best_of_each
from kcifar.reporting.analysis.leader import compute_accuracy_interval, describe_leader
from kcifar.reporting.charts.comparison import draw_comparison
from kcifar.reporting.page.columns import COUNT, DECIMAL, LOSS, MINUTES, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import harmonic_mean_rate
from kcifar.runs.load import LoadedRun

ORDER = 20
TITLE = "Comparison"
PRINTED = True
NOTE = (
    "Sorted by test accuracy within each data set; runs without a test result come last. Test low and high: the bounds of the 95% Wilson interval "
    "of the test accuracy, with each image seen once, unmodified (single view). MiB: size of the weights. Minutes: time of all completed epochs."
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
    "minutes": MINUTES,
    "images_per_second": DECIMAL,
}
PAGE_COLUMNS = ("test_accuracy", "test_low", "test_high", "minutes", "parameters", OVER_VIEWS, "model", "dataset", "test_cross_entropy")
_MAX_DRAWN = 40


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one row per run, the significance of the lead of the best run, and the figure of the best runs; nothing for a single run."""
    if len(runs) < 2:
        return SectionContent()
    data, groups = group_by_data(runs), rank_by_accuracy(runs)
    leads = [(f"{group.label}: " if len(data) > 1 else "") + describe_leader(group.runs) for group in groups]
    paragraphs = [*_describe_data(data), *leads, *_describe_untested(runs)]
    return SectionContent(paragraphs, [_make_table(data, groups, runs)], [_make_figure(groups)] if groups else [])


def _make_table(data: Sequence[Group], groups: Sequence[Group], runs: Sequence[LoadedRun]) -> Table:
    labels = {id(run): group.label for group in data for run in group.runs}
    ordered = [run for group in groups for run in group.runs] + [run for run in runs if not run.test]
    columns = {name: kind for name, kind in COLUMNS.items() if name != OVER_VIEWS or any(run.test and run.test.views for run in runs)}
    rows = [{"dataset": labels[id(run)], **_make_row(run)} for run in ordered]
    return Table("comparison", "Comparison", columns, make_frame(rows, columns, ("run",)), NOTE, page_columns=PAGE_COLUMNS)


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
    """Say which data sets the runs use, and for which runs the data are not recorded."""
    if len(data) > 1:
        counted = [f"{group.label}: {len(group.runs):,} run{'s' * (len(group.runs) != 1)}" for group in data]
        shown = "; ".join(counted[:5]) + (f"; {len(counted) - 5:,} more data sets" if len(counted) > 5 else "")
        yield f"The runs use {len(data):,} different data sets, whose accuracies cannot be compared; they are ranked within each ({shown})."
    unrecorded = [shorten_name(run.name) for group in data for run in group.runs if not (run.dataset and run.dataset.content_sha256)]
    if unrecorded:
        names = join_names(unrecorded)
        yield f"The content of the data is not recorded for {names}; the data set's name and number of test images identify it instead."


def _describe_untested(runs: Sequence[LoadedRun]) -> Iterator[str]:
    untested = [shorten_name(run.name) + (f" ({run.progress})" if run.progress else "") for run in runs if not run.test]
    if untested:
        yield f"Without a test result: {join_names(untested)}."


def _make_figure(groups: Sequence[Group]) -> FigureSpec:
    shown = take_best_of_each(groups, _MAX_DRAWN)
    total, drawn = (sum(len(group.runs) for group in listed) for listed in (groups, shown))
    left_out = f"; the {drawn:,} best of {total:,} runs are shown" if drawn < total else ""
    caption = f"Test accuracy of each run (dot) with its 95% Wilson interval (line), most accurate first{left_out}."
    return FigureSpec("comparison", lambda: draw_comparison(shown), caption, _describe_figure(shown), leads=True)


def _describe_figure(groups: Sequence[Group]) -> str:
    readings = [join_names([f"{shorten_name(run.name)} {PERCENT.write(run.test_accuracy)}" for run in group.runs]) for group in groups]
    named = [f"{group.label}: {reading}" if len(groups) > 1 else reading for group, reading in zip(groups, readings, strict=True)]
    return f"Dot chart of test accuracy, most accurate first: {'; '.join(named[:3])}."
