"""Runs beside the log of a training that somebody published: accuracy epoch by epoch, and how far they lie apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from kcifar.reporting.analysis.groups import same_data, same_recipe
from kcifar.reporting.analysis.studies import first_ones
from kcifar.reporting.charts.published_log import MAX_DRAWN, Accuracies, draw
from kcifar.reporting.page.columns import COUNT, POINTS, SHARE, SPREAD, TEXT, frame, write_points, write_spread
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import called
from kcifar.reporting.stats.differences import binomial_half_width
from kcifar.runs.load import SavedRun

ORDER = 47
TITLE = "Beside a published log"
NOTE = (
    "Means over the runs of a recipe that completed the epoch, with the deviation over them, beside the published log of a training; difference: "
    "validation accuracy minus that of the log. Deviations and differences are in percentage points. Training accuracy is that of the images as "
    "they were augmented."
)
COLUMNS = {
    "recipe": TEXT,
    "epoch": COUNT,
    "runs": COUNT,
    "accuracy": SHARE,
    "published_accuracy": SHARE,
    "val_accuracy": SHARE,
    "val_deviation": SPREAD,
    "published_val_accuracy": SHARE,
    "difference": POINTS,
}
_ROUNDING = 1e-9  # differences below are of arithmetic
_PUBLISHED = {"accuracy": "published_accuracy", "val_accuracy": "published_val_accuracy"}


@dataclass(frozen=True)
class Beside:
    """A recipe beside the log: its runs, and a row for each epoch of either: the table's columns, and how many runs were `validated`."""

    label: str
    runs: Sequence[SavedRun]
    epochs: pandas.DataFrame

    @property
    def common(self) -> pandas.DataFrame:
        """The epochs in which both have a validation accuracy."""
        return self.epochs[self.epochs["difference"].notna()]


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a table, a figure and a paragraph for each recipe; nothing where no log was given."""
    log = runs[0].published
    if log is None:
        return Content()
    found = [beside(group.label, group.runs, log) for group in same_recipe(runs)]
    paragraphs = [*_data_sentences(runs), *first_ones([sentence for entry in found for sentence in _sentences(entry)])]
    rows: Iterator[dict[Any, Any]] = ({"recipe": entry.label, **row} for entry in found for row in entry.epochs.to_dict("records"))
    table = Table("published_log", TITLE, COLUMNS, frame(rows, COLUMNS, ("recipe", "epoch")), NOTE)
    return Content(paragraphs, [table], [_drawing(found, log)])


def beside(label: str, runs: Sequence[SavedRun], log: pandas.DataFrame) -> Beside:
    """Join the means over runs with a log, by epochs.

    Args:
        label: Of the recipe.
        runs: At least one.
        log: See `csv_files.read_published_log`.
    """
    by_epoch = pandas.concat([run.history for run in runs]).groupby("epoch")
    means = by_epoch[["accuracy", "val_accuracy"]].mean()
    own = means.assign(runs=by_epoch.size(), validated=by_epoch["val_accuracy"].count(), val_deviation=by_epoch["val_accuracy"].std())
    joined = own.join(log.set_index("epoch").rename(columns=_PUBLISHED), how="outer")
    joined["difference"] = joined["val_accuracy"] - joined["published_val_accuracy"]
    return Beside(label, runs, joined.reset_index())


def _data_sentences(runs: Sequence[SavedRun]) -> Iterator[str]:
    if (number := len(same_data(runs))) > 1:
        yield f"The runs are over {number:,} different data sets; those of others than the log's do not compare with it."


def _sentences(entry: Beside) -> Iterator[str]:
    name = called(entry.label)
    if entry.common.empty:
        yield f"{name}: no epoch has a validation accuracy in both, the runs and the published log."
        return
    gaps, epochs = entry.common["difference"].to_numpy(), entry.common["epoch"].to_numpy()
    ends = [f"{write_points(gaps[place])} (epoch {epochs[place]})" for place in (int(np.argmin(gaps)), int(np.argmax(gaps)))]
    above = int((gaps > _ROUNDING).sum())
    yield (
        f"{name} ({_count(len(entry.runs))}): in {above} of {len(gaps)} epochs above the validation accuracy of the published log; on average "
        f"{write_points(gaps.mean())} points, from {' to '.join(ends)}. {_last_sentence(entry)}"
    )


def _count(runs: int) -> str:
    return f"{runs:,} run{'s' * (runs != 1)}"


def _last_sentence(entry: Beside) -> str:
    """Compare the last epoch of both, and say what chance alone may do where the runs tell how many images they had."""
    last = entry.common.iloc[-1]
    own, other, validated = last["val_accuracy"], last["published_val_accuracy"], int(last["validated"])
    which = "" if validated == len(entry.runs) else f" ({_count(validated)} came so far)"
    said = f"In epoch {int(last['epoch'])}{which}, the last of both: {SHARE.write(own)} and {SHARE.write(other)}."
    images = entry.runs[0].dataset.counts.get("validation") if entry.runs[0].dataset else None
    if not images:
        return said
    width = write_spread(binomial_half_width(own, images, other, images))
    return f"{said} If each is one run on {images:,} images of its own, their choice alone explains up to {width} points either way (95 %)."


def _drawing(found: Sequence[Beside], log: pandas.DataFrame) -> Drawing:
    shown = [Accuracies(entry.label, [run.history for run in entry.runs]) for entry in found[:MAX_DRAWN]]
    which = f"; the first {len(shown)} of {len(found)} recipes are shown" if len(shown) < len(found) else ""
    caption = (
        f"Validation and training accuracy of every epoch: a line for each run, and the published log in black; dashed lines part the stages{which}."
    )
    readings = " ".join(sentence for entry in found[:MAX_DRAWN] for sentence in _sentences(entry))
    text = f"Line charts of accuracy against epochs, beside a published log. {readings}"
    return Drawing("published_log", lambda: draw(shown, log), caption, text)
