"""Which epoch of a run validated the very weights that were tested."""

import math
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from kcifar.recipe.early_stopping import epochs_since_best, is_better
from kcifar.recipe.stage_settings import EarlyStopping, Monitor
from kcifar.runs.load import LoadedRun


def find_tested_validation(run: LoadedRun) -> float:
    """Return the validation accuracy of the weights that were tested, in [0, 1]; NaN without, and where their epoch is not known."""
    row = find_tested_row(run)
    return math.nan if row is None else float(run.history["val_accuracy"].iloc[row])


def find_tested_row(run: LoadedRun) -> int | None:
    """Return the row of the history of a finished run's tested weights; None where the run does not tell.

    By the rules of training: with `select: best` it is the best epoch by `monitor`; else the last one, or the best of the last stage
    where early stopping restored that.
    """
    if run.test and run.test.weights == "best":
        return _find_best_row(run, run.settings.get("monitor", "val_accuracy"))
    last = len(run.history) - 1
    settings = _find_early_stopping(run)
    if settings is None:
        return last
    try:
        rule = EarlyStopping.model_validate(settings)
    except ValidationError:
        return None
    if not rule.restore_best:
        return last
    stage = run.history["stage_index"]
    values = _read_monitored(run, rule.monitor)[(stage != stage.iloc[-1]).sum() :]
    return last - epochs_since_best([{rule.monitor: value} for value in values], rule) if values else None


def _find_best_row(run: LoadedRun, monitor: Any) -> int | None:
    best, place = None, None
    for row, value in enumerate(_read_monitored(run, monitor)):
        if math.isfinite(value) and is_better(monitor, value, best):
            best, place = value, row
    return place


def _read_monitored(run: LoadedRun, monitor: Any) -> Sequence[float]:
    """Return what is monitored, for each epoch; nothing where the history lacks it or it is not known which way is better."""
    known = monitor in get_args(Monitor) and monitor in run.history
    return run.history[monitor].tolist() if known else []


def _find_early_stopping(run: LoadedRun) -> Any:
    stages = run.settings.get("stages", ())
    place = int(run.history["stage_index"].iloc[-1])
    return stages[place].get("early_stopping") if place < len(stages) else None
