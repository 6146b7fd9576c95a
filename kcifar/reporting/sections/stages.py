"""One row a stage: its rate, its time, and what it gained."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas

from kcifar.reporting.columns import COUNT, DECIMAL, LEARNING_RATE, POINTS, SHARE, TEXT, frame
from kcifar.reporting.load import SavedRun
from kcifar.reporting.statistics import mean_rate

ORDER = 20
TITLE = "Stages"
NOTE = (
    "Val gain: percentage points of validation accuracy from the last epoch of the stage before to the last of this one; "
    "the first stage counts from its first epoch."
)
COLUMNS = {
    "run": TEXT,
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
    "seconds": DECIMAL,
    "images_per_second": DECIMAL,
}


def table(runs: Sequence[SavedRun]) -> pandas.DataFrame:
    """Return a row for each stage of each run that has a completed epoch; `val_gain` is a difference of fractions."""
    return frame([row for run in runs for row in _rows(run)], COLUMNS, ("run", "stage"))


def _rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    reached = run.history["val_accuracy"].iloc[0]
    for _, epochs in run.history.groupby("stage_index"):
        row = _row(run.name, epochs)
        yield {**row, "val_gain": row["last_val_accuracy"] - reached}
        reached = row["last_val_accuracy"]


def _row(run: str, epochs: pandas.DataFrame) -> dict[str, Any]:
    """The row of one stage but for its gain."""
    row = {"run": run, "stage": epochs["stage"].iloc[0], "epochs": len(epochs)}
    for measure in ("learning_rate", "accuracy", "val_accuracy"):
        row |= {f"first_{measure}": epochs[measure].iloc[0], f"last_{measure}": epochs[measure].iloc[-1], f"best_{measure}": epochs[measure].max()}
    del row["best_learning_rate"]
    return row | {"seconds": epochs["seconds"].sum(), "images_per_second": mean_rate(epochs["images_per_second"])}
