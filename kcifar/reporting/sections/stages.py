"""One row per stage: its learning rate, its time, and its gain."""

from collections.abc import Iterator
from typing import Any

import pandas

from kcifar.reporting.analysis.stages import compute_stage_gains
from kcifar.reporting.page.columns import COUNT, DECIMAL, LEARNING_RATE, LOSS, PERCENT, POINTS, TEXT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.stats.intervals import harmonic_mean_rate
from kcifar.runs.load import LoadedRun

ORDER = 120
TITLE = "Stages"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "Val gain: change in validation accuracy, in percentage points, from the last epoch of the previous stage to the last epoch of this stage; "
    "for the first stage, from its first epoch."
)
PAGE_COLUMNS = (
    "epochs",
    "last_val_accuracy",
    "val_gain",
    "last_accuracy",
    "first_learning_rate",
    "last_learning_rate",
    "best_val_accuracy",
    "seconds",
)
COLUMNS = {
    "stage": TEXT,
    "epochs": COUNT,
    "first_learning_rate": LEARNING_RATE,
    "last_learning_rate": LEARNING_RATE,
    "first_accuracy": PERCENT,
    "last_accuracy": PERCENT,
    "best_accuracy": PERCENT,
    "first_val_accuracy": PERCENT,
    "last_val_accuracy": PERCENT,
    "best_val_accuracy": PERCENT,
    "val_gain": POINTS,
    "first_loss": LOSS,
    "last_loss": LOSS,
    "first_val_loss": LOSS,
    "last_val_loss": LOSS,
    "best_val_loss": LOSS,
    "seconds": DECIMAL,
    "images_per_second": DECIMAL,
}


def of_run(run: LoadedRun) -> SectionContent:
    """Return the table of the stages with at least one completed epoch; `val_gain` is a difference of fractions."""
    frame = make_frame(_make_rows(run.history), COLUMNS, ("stage",))
    return SectionContent(tables=[Table("stages", "Stages", COLUMNS, frame, NOTE, page_columns=PAGE_COLUMNS)])


def _make_rows(history: pandas.DataFrame) -> Iterator[dict[str, Any]]:
    for (_, epochs), stage in zip(history.groupby("stage_index"), compute_stage_gains(history), strict=True):
        yield {**_make_row(epochs), "val_gain": stage.gain}


def _make_row(epochs: pandas.DataFrame) -> dict[str, Any]:
    """Return the row of one stage, without its gain."""
    row: dict[str, Any] = {"stage": epochs["stage"].iloc[0], "epochs": len(epochs)}
    for measure in ("learning_rate", "accuracy", "val_accuracy", "loss", "val_loss"):
        row |= {f"first_{measure}": epochs[measure].iloc[0], f"last_{measure}": epochs[measure].iloc[-1]}
    row |= {f"best_{measure}": epochs[measure].max() for measure in ("accuracy", "val_accuracy")} | {"best_val_loss": epochs["val_loss"].min()}
    return row | {"seconds": epochs["seconds"].sum(), "images_per_second": harmonic_mean_rate(epochs["images_per_second"])}
