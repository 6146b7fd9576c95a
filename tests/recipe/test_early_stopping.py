"""Early stopping depends on the completed epochs alone."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kcifar.recipe.early_stopping import count_epochs_since_best, is_better, should_stop
from kcifar.recipe.stage_settings import EarlyStopping

ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def rows(values: list[float]) -> list[dict[str, Any]]:
    return [{"val_accuracy": value, "val_loss": -value} for value in values]


@given(ACCURACIES, st.floats(0, 0.2))
def test_counts_the_epochs_after_the_last_improvement(values: list[float], min_delta: float) -> None:
    best, expected = -math.inf, 0
    for k, value in enumerate(values):
        if value - best > min_delta:
            best, expected = value, k
    assert count_epochs_since_best(rows(values), EarlyStopping(patience=1, min_delta=min_delta)) == len(values) - 1 - expected


@given(ACCURACIES)
def test_a_loss_is_better_when_it_is_lower(values: list[float]) -> None:
    accuracy, loss = EarlyStopping(patience=2), EarlyStopping(patience=2, monitor="val_loss")
    assert count_epochs_since_best(rows(values), accuracy) == count_epochs_since_best(rows(values), loss)


@given(ACCURACIES, st.integers(1, 5))
def test_stops_once_patience_is_used_up(values: list[float], patience: int) -> None:
    rule = EarlyStopping(patience=patience)
    assert should_stop(rows(values), rule) == (count_epochs_since_best(rows(values), rule) >= patience)
    assert not should_stop(rows(values), None)


def test_any_number_is_better_than_nan() -> None:
    assert is_better("val_loss", 3.0, math.nan)
    assert not is_better("val_loss", math.nan, 3.0)
    assert count_epochs_since_best(rows([math.nan, 0.5, 0.4]), EarlyStopping(patience=1)) == 1
