"""One row a stage: its rate, its time, and what it gained."""

from collections.abc import Iterator
from typing import Any

import pandas

from kcifar.reporting.commentary.stages import stage_gains
from kcifar.reporting.page.columns import COUNT, DECIMAL, LEARNING_RATE, LOSS, POINTS, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Table
from kcifar.reporting.stats.intervals import mean_rate
from kcifar.runs.load import SavedRun

ORDER = 120
TITLE = "Stages"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "Val gain: percentage points of validation accuracy from the last epoch of the stage before to the last of this one; "
    "the first stage counts from its first epoch."
)
COLUMNS = {
    "stage": TEXT,
    "epochs": COUNT,
    "first_learning_rate": LEARNING_RATE,
    "last_learning_rate": LEARNING_RATE,
    "first_accuracy": SHARE,
    "last_accuracy": SHARE,
    "best_accuracy": SHARE,
    "first_val_accuracy": SHARE,
    "last_val_accuracy": SHARE,
    "best_val_accuracy": SHARE,
    "val_gain": POINTS,
    "first_loss": LOSS,
    "last_loss": LOSS,
    "first_val_loss": LOSS,
    "last_val_loss": LOSS,
    "best_val_loss": LOSS,
    "seconds": DECIMAL,
    "images_per_second": DECIMAL,
}


def of_run(run: SavedRun) -> Content:
    """Return the table of the stages that have a completed epoch; `val_gain` is a difference of fractions."""
    return Content(tables=[Table("stages", "Stages", COLUMNS, frame(_rows(run.history), COLUMNS, ("stage",)), NOTE)])


def _rows(history: pandas.DataFrame) -> Iterator[dict[str, Any]]:
    for (_, epochs), stage in zip(history.groupby("stage_index"), stage_gains(history), strict=True):
        yield {**_row(epochs), "val_gain": stage.gain}


def _row(epochs: pandas.DataFrame) -> dict[str, Any]:
    """The row of one stage but for its gain."""
    row: dict[str, Any] = {"stage": epochs["stage"].iloc[0], "epochs": len(epochs)}
    for measure in ("learning_rate", "accuracy", "val_accuracy", "loss", "val_loss"):
        row |= {f"first_{measure}": epochs[measure].iloc[0], f"last_{measure}": epochs[measure].iloc[-1]}
    row |= {f"best_{measure}": epochs[measure].max() for measure in ("accuracy", "val_accuracy")} | {"best_val_loss": epochs["val_loss"].min()}
    return row | {"seconds": epochs["seconds"].sum(), "images_per_second": mean_rate(epochs["images_per_second"])}
