"""Runs compared with a published training log: accuracy per epoch, and the differences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from kcifar.reporting.analysis.groups import group_by_data, group_by_recipe
from kcifar.reporting.analysis.studies import limit_descriptions
from kcifar.reporting.charts.published_log import MAX_RECIPES, RecipeHistories, draw_published_log
from kcifar.reporting.page.columns import COUNT, PERCENT, POINTS, TEXT, UNSIGNED_POINTS, make_frame, write_points, write_unsigned_points
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import shorten_name
from kcifar.reporting.stats.intervals import binomial_half_width
from kcifar.runs.load import LoadedRun

ORDER = 47
TITLE = "Comparison with a published log"
NOTE = (
    "Means over the runs of a recipe that completed the epoch, their standard deviation, and the values of the published training log; difference: "
    "validation accuracy minus that of the log. Standard deviations and differences are in percentage points. Training accuracy is measured on "
    "augmented images."
)
COLUMNS = {
    "recipe": TEXT,
    "epoch": COUNT,
    "runs": COUNT,
    "accuracy": PERCENT,
    "published_accuracy": PERCENT,
    "val_accuracy": PERCENT,
    "val_deviation": UNSIGNED_POINTS,
    "published_val_accuracy": PERCENT,
    "difference": POINTS,
}
_ROUNDING = 1e-9  # smaller differences are rounding errors
_PUBLISHED = {"accuracy": "published_accuracy", "val_accuracy": "published_val_accuracy"}


@dataclass(frozen=True)
class LogComparison:
    """A recipe compared with the log: its runs, and one row per epoch of either: the columns of the table, and the number of runs `validated`."""

    label: str
    runs: Sequence[LoadedRun]
    epochs: pandas.DataFrame

    @property
    def common(self) -> pandas.DataFrame:
        """The epochs for which both have a validation accuracy."""
        return self.epochs[self.epochs["difference"].notna()]


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a table, a figure and a paragraph for each recipe; nothing without a log."""
    log = runs[0].published
    if log is None:
        return SectionContent()
    comparisons = [compare_with_log(group.label, group.runs, log) for group in group_by_recipe(runs)]
    paragraphs = [*_describe_data(runs), *limit_descriptions([sentence for entry in comparisons for sentence in _describe_comparison(entry)])]
    rows: Iterator[dict[Any, Any]] = ({"recipe": entry.label, **row} for entry in comparisons for row in entry.epochs.to_dict("records"))
    table = Table("published_log", TITLE, COLUMNS, make_frame(rows, COLUMNS, ("recipe", "epoch")), NOTE)
    return SectionContent(paragraphs, [table], [_make_figure(comparisons, log)])


def compare_with_log(label: str, runs: Sequence[LoadedRun], log: pandas.DataFrame) -> LogComparison:
    """Join the means over runs with a log, by epoch.

    Args:
        label: Of the recipe.
        runs: At least one.
        log: See `csv_files.read_published_log`.
    """
    by_epoch = pandas.concat([run.history for run in runs]).groupby("epoch")
    means = by_epoch[["accuracy", "val_accuracy"]].mean()
    run_means = means.assign(runs=by_epoch.size(), validated=by_epoch["val_accuracy"].count(), val_deviation=by_epoch["val_accuracy"].std())
    joined = run_means.join(log.set_index("epoch").rename(columns=_PUBLISHED), how="outer")
    joined["difference"] = joined["val_accuracy"] - joined["published_val_accuracy"]
    return LogComparison(label, runs, joined.reset_index())


def _describe_data(runs: Sequence[LoadedRun]) -> Iterator[str]:
    if (number := len(group_by_data(runs))) > 1:
        yield f"The runs use {number:,} different data sets; only those on the data of the log can be compared with it."


def _describe_comparison(entry: LogComparison) -> Iterator[str]:
    name = shorten_name(entry.label)
    if entry.common.empty:
        yield f"{name}: no epoch has a validation accuracy in both the runs and the published log."
        return
    gaps, epochs = entry.common["difference"].to_numpy(), entry.common["epoch"].to_numpy()
    ends = [f"{write_points(gaps[place])} (epoch {epochs[place]})" for place in (int(np.argmin(gaps)), int(np.argmax(gaps)))]
    above = int((gaps > _ROUNDING).sum())
    yield (
        f"{name} ({_count_runs(len(entry.runs))}): validation accuracy is above the published log in {above} of {len(gaps)} epochs; the mean "
        f"difference is {write_points(gaps.mean())} points, from {' to '.join(ends)}. {_describe_last_epoch(entry)}"
    )


def _count_runs(runs: int) -> str:
    return f"{runs:,} run{'s' * (runs != 1)}"


def _describe_last_epoch(entry: LogComparison) -> str:
    """Compare the last common epoch, and state the effect of chance if the number of images is recorded."""
    last = entry.common.iloc[-1]
    accuracy, published, validated = last["val_accuracy"], last["published_val_accuracy"], int(last["validated"])
    which = "" if validated == len(entry.runs) else f" (reached by {_count_runs(validated)})"
    compared = f"In epoch {int(last['epoch'])}{which}, the last of both: {PERCENT.write(accuracy)} here and {PERCENT.write(published)} in the log."
    images = entry.runs[0].dataset.counts.get("validation") if entry.runs[0].dataset else None
    if not images:
        return compared
    width = write_unsigned_points(binomial_half_width(accuracy, images, published, images))
    return f"{compared} If each is a single run on its own {images:,} images, chance alone explains differences up to {width} points (95%)."


def _make_figure(comparisons: Sequence[LogComparison], log: pandas.DataFrame) -> FigureSpec:
    shown = [RecipeHistories(entry.label, [run.history for run in entry.runs]) for entry in comparisons[:MAX_RECIPES]]
    which = f"; the first {len(shown)} of {len(comparisons)} recipes are shown" if len(shown) < len(comparisons) else ""
    caption = (
        f"Validation and training accuracy per epoch: one line per run, and the published log in black; dashed lines separate the stages{which}."
    )
    readings = " ".join(sentence for entry in comparisons[:MAX_RECIPES] for sentence in _describe_comparison(entry))
    text = f"Line charts of accuracy against epochs, compared with a published log. {readings}"
    return FigureSpec("published_log", lambda: draw_published_log(shown, log), caption, text)
