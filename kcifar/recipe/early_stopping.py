"""Early stopping, as a pure function of a stage's completed epochs: it keeps no state, so a resumed run decides the same."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.recipe.stage_settings import EarlyStopping

# A monitored value is better when it is higher (accuracy) or lower (losses).
_SIGNS = {"val_accuracy": 1, "val_loss": -1, "val_cross_entropy": -1}


def is_better(monitor: str, value: float, best: float | None, min_delta: float = 0.0) -> bool:
    """Whether a monitored value beats the best so far by more than `min_delta`; the first finite value does, and no value that is not finite.

    With `select: best`, `monitor` is that of the recipe, `min_delta` is 0, and the epochs of all stages are compared. Early stopping compares
    the epochs of one stage, with its own `monitor` and `min_delta`. The best epoch in reports is simply that of the highest
    validation accuracy (`LoadedRun.best_validation`).
    """
    return math.isfinite(value) and (best is None or _SIGNS[monitor] * (value - best) > min_delta)


def count_epochs_since_best(rows: Sequence[Mapping[str, Any]], rule: EarlyStopping) -> int:
    """Return the number of epochs after the best one, or of all if none has a finite value; 0 if the last epoch is the best.

    Args:
        rows: The stage's completed epochs, at least one.
        rule: The monitored value, and by how much an epoch must improve on the best.
    """
    best, since = None, 0
    for row in rows:
        since += 1
        if is_better(rule.monitor, row[rule.monitor], best, rule.min_delta):
            best, since = row[rule.monitor], 0
    return since


def should_stop(rows: Sequence[Mapping[str, Any]], rule: EarlyStopping | None) -> bool:
    """Whether a stage ends after its completed epochs: the last `patience` of them brought no improvement."""
    return rule is not None and count_epochs_since_best(rows, rule) >= rule.patience
