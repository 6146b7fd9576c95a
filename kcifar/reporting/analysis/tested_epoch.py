"""The epoch of a run whose weights were tested.

The rules of training are imported when a run needs them: most stop at their last epoch.
"""

import math
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from kcifar.runs.load import LoadedRun


def find_tested_validation(run: LoadedRun) -> float:
    """Return the validation accuracy of the tested weights, in [0, 1]; NaN if there is none or their epoch is unknown."""
    row = find_tested_row(run)
    return math.nan if row is None else float(run.history["val_accuracy"].iloc[row])


def find_tested_row(run: LoadedRun) -> int | None:
    """Return the row of the history whose weights a finished run tested; None if the run does not show it.

    This follows the rules of training. With `select: best`, it is the best finite epoch of all stages by `monitor`, which may be a loss
    (`early_stopping.is_better`, without a minimum improvement). Otherwise it is the last epoch, or the best epoch of the last stage if
    early stopping with `restore_best` applies (`early_stopping.count_epochs_since_best`, which requires an improvement by `min_delta`).

    `LoadedRun.best_validation`, which tables and charts mark, is always the epoch of the highest validation accuracy, so it may be another
    epoch than the tested one.
    """
    if run.test and run.test.weights == "best":
        return _find_best_row(run, run.settings.get("monitor", "val_accuracy"))
    last = len(run.history) - 1
    settings = _find_early_stopping(run)
    if settings is None:
        return last
    from kcifar.recipe.early_stopping import count_epochs_since_best
    from kcifar.recipe.stage_settings import EarlyStopping

    try:
        rule = EarlyStopping.model_validate(settings)
    except ValidationError:
        return None
    if not rule.restore_best:
        return last
    stage = run.history["stage_index"]
    values = _read_monitored(run, rule.monitor)[(stage != stage.iloc[-1]).sum() :]
    return last - count_epochs_since_best([{rule.monitor: value} for value in values], rule) if values else None


def _find_best_row(run: LoadedRun, monitor: Any) -> int | None:
    from kcifar.recipe.early_stopping import is_better

    best, place = None, None
    for row, value in enumerate(_read_monitored(run, monitor)):
        if math.isfinite(value) and is_better(monitor, value, best):
            best, place = value, row
    return place


def _read_monitored(run: LoadedRun, monitor: Any) -> Sequence[float]:
    """Return the monitored value of each epoch; empty if the history lacks it, or its better direction is unknown."""
    from kcifar.recipe.stage_settings import Monitor

    known = monitor in get_args(Monitor) and monitor in run.history
    return run.history[monitor].tolist() if known else []


def _find_early_stopping(run: LoadedRun) -> Any:
    stages = run.settings.get("stages", ())
    place = int(run.history["stage_index"].iloc[-1])
    return stages[place].get("early_stopping") if place < len(stages) else None
