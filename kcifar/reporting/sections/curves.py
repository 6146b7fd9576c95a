"""Learning curves of several runs in one chart: the validation accuracy of each recipe by epoch, mean and range over its runs."""

from collections.abc import Iterator, Sequence

from kcifar.reporting.analysis.groups import group_by_data, group_by_recipe
from kcifar.reporting.analysis.mean_curves import MeanCurve, make_mean_curve
from kcifar.reporting.charts.curves import draw_curves
from kcifar.reporting.charts.line_looks import MAX_LINES
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.runs.load import LoadedRun

ORDER = 15
TITLE = "Learning curves of the recipes"

_MAX_PANELS = 3  # data sets
_Data = tuple[str, Sequence[MeanCurve]]  # a data set and the curves of its recipes, highest accuracy first


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one figure; nothing if fewer than two runs have a validation accuracy."""
    validated = [run for run in runs if run.best_validation]
    if len(validated) < 2:
        return SectionContent()
    data = _group_curves(validated)
    without = [shorten_name(run.name) for run in runs if not run.best_validation]
    return SectionContent(figures=[_make_figure(data, without)] if data else [])


def _group_curves(runs: Sequence[LoadedRun]) -> list[_Data]:
    """Return the data sets, those with the most runs first."""
    labels = {id(run): group.label for group in group_by_data(runs) for run in group.runs}
    by_data: dict[str, list[MeanCurve]] = {}
    for group in group_by_recipe(runs):
        if curve := make_mean_curve(group.label, group.runs):
            by_data.setdefault(labels[id(group.runs[0])], []).append(curve)
    ranked = [(label, sorted(curves, key=lambda curve: -float(curve.mean.max()))) for label, curves in by_data.items()]
    return sorted(ranked, key=lambda entry: -sum(curve.runs for curve in entry[1]))


def _make_figure(data: Sequence[_Data], without: Sequence[str]) -> FigureSpec:
    shown = [(label, curves[:MAX_LINES]) for label, curves in data[:_MAX_PANELS]]
    drawn, total = (sum(len(curves) for _, curves in entries) for entries in (shown, data))
    which = f" The {drawn:,} best of {total:,} recipes are shown." if drawn < total else ""
    which += f" Without validation accuracy: {join_names(without)}." if without else ""
    caption = f"Validation accuracy of each recipe by epoch: the mean of its runs (line; ×3: three runs) and their range (band).{which}"
    text = f"Line chart of validation accuracy by epoch. {' '.join(_describe_ends(shown))}"
    return FigureSpec("curves", lambda: draw_curves(shown), caption, text, leads=True)


def _describe_ends(data: Sequence[_Data]) -> Iterator[str]:
    for label, curves in data:
        ends = [f"{shorten_name(curve.label)} {PERCENT.write(float(curve.mean[-1]))} in epoch {curve.epochs[-1]}" for curve in curves]
        yield f"At the end, on {label}: {join_names(ends)}."
