"""One row a run: what it was, how far it came and what it reached."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from kcifar.reporting.columns import COUNT, DECIMAL, LOSS, SHARE, TEXT, frame
from kcifar.reporting.load import SavedRun
from kcifar.reporting.run_files import TestResult
from kcifar.reporting.statistics import mean_rate, wilson_interval

ORDER = 10
TITLE = "Runs"
NOTE = "Test low and high: the ends of the 95% Wilson interval of the test accuracy. MiB: the size of the weights. Minutes: of all completed epochs."
COLUMNS = {
    "run": TEXT,
    "state": TEXT,
    "dataset": TEXT,
    "model": TEXT,
    "parameters": COUNT,
    "MiB": DECIMAL,
    "epochs": COUNT,
    "planned_epochs": COUNT,
    "final_val_accuracy": SHARE,
    "best_val_accuracy": SHARE,
    "best_epoch": COUNT,
    "test_accuracy": SHARE,
    "test_low": SHARE,
    "test_high": SHARE,
    "test_cross_entropy": LOSS,
    "minutes": DECIMAL,
    "images_per_second": DECIMAL,
    "precision": TEXT,
    "backend": TEXT,
}


def table(runs: Sequence[SavedRun]) -> pandas.DataFrame:
    """Return a row for each run, in the order given."""
    return frame([_row(run) for run in runs], COLUMNS, ("run",))


def _row(run: SavedRun) -> dict[str, Any]:
    best, epoch = run.best_validation or (None, None)
    return {
        "run": run.name,
        "state": run.status.state,
        "dataset": run.recipe.dataset.name,
        "model": run.recipe.model.name,
        "parameters": run.model.parameters if run.model else None,
        "MiB": run.model.bytes / 2**20 if run.model else None,
        "epochs": len(run.history),
        "planned_epochs": run.planned_epochs,
        "final_val_accuracy": run.history["val_accuracy"].iloc[-1],
        "best_val_accuracy": best,
        "best_epoch": epoch,
        **(_test(run.test) if run.test else {}),
        "minutes": run.history["seconds"].sum() / 60,
        "images_per_second": mean_rate(run.history["images_per_second"]),
        "precision": run.environment.precision if run.environment else run.recipe.precision,
        "backend": run.environment.backend if run.environment else None,
    }


def _test(test: TestResult) -> Mapping[str, Any]:
    low, high = wilson_interval(round(test.accuracy * test.samples), test.samples)
    return {"test_accuracy": test.accuracy, "test_low": low, "test_high": high, "test_cross_entropy": test.cross_entropy}
