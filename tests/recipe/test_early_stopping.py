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


@given(
    st.lists(st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=30),
    st.sampled_from(["val_loss", "val_accuracy"]),
)
def test_an_epoch_that_is_not_finite_is_one_without_an_improvement(values: list[float], monitor: Any) -> None:
    """It counts as an epoch of chance level would after a better one; if no epoch is finite, none is the best."""
    worst = [value if math.isfinite(value) else -1.0 for value in values]
    rule = EarlyStopping(patience=1, monitor=monitor)
    first = next((place for place, value in enumerate(values) if math.isfinite(value)), None)
    expected = len(values) if first is None else count_epochs_since_best(rows(worst[first:]), rule)
    assert count_epochs_since_best(rows(values), rule) == expected
    assert not is_better(monitor, math.nan, None)
