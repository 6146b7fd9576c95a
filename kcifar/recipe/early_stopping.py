"""Early stopping, as a pure function of a stage's completed epochs: it needs no memory of its own, so a resumed run decides alike."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.recipe.stage_settings import EarlyStopping

# A monitored value is better when it is higher (accuracy) or lower (losses).
_SIGNS = {"val_accuracy": 1, "val_loss": -1, "val_cross_entropy": -1}


def is_better(monitor: str, value: float, best: float | None, min_delta: float = 0.0) -> bool:
    """Whether a monitored value beats the best so far by more than `min_delta`; the first one always does."""
    return best is None or not math.isfinite(best) or _SIGNS[monitor] * (value - best) > min_delta


def epochs_since_best(rows: Sequence[Mapping[str, Any]], rule: EarlyStopping) -> int:
    """Return how many epochs lie after the best one; 0 if the last one is the best.

    Args:
        rows: The stage's completed epochs, at least one.
        rule: What is monitored, and by how much an epoch must beat the best.
    """
    best, since = None, 0
    for row in rows:
        since += 1
        if is_better(rule.monitor, row[rule.monitor], best, rule.min_delta):
            best, since = row[rule.monitor], 0
    return since


def should_stop(rows: Sequence[Mapping[str, Any]], rule: EarlyStopping | None) -> bool:
    """Whether a stage ends after its completed epochs: `patience` of them brought nothing better."""
    return rule is not None and epochs_since_best(rows, rule) >= rule.patience
