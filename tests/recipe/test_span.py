"""The updates of a stage, and durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kcifar.recipe.span import Duration, Span

DURATION: TypeAdapter[float | str] = TypeAdapter(Duration)


@given(st.integers(1, 10_000), st.integers(1, 5_000), st.integers(1, 10_000))
def test_updates_are_counted_exactly_however_the_quotient_is_rounded(epochs: int, batches: int, accumulate: int) -> None:
    span = Span.of_stage(epochs, batches, accumulate)
    assert span.updates_after(epochs) == epochs * batches // accumulate
    assert span.steps == max(1, epochs * batches // accumulate)
    assert span.updates_after(0) == 0


def test_a_quotient_that_is_rounded_down_counts_its_update() -> None:
    assert Span(1, 1 / 49).updates_after(49) == 1  # 49 * (1 / 49) is 0.9999999999999999
    assert Span.of_stage(1, 2, 5).steps == 1  # a stage has at least one update


def test_a_duration_is_in_epochs_in_steps_or_a_fraction_of_the_span() -> None:
    span = Span(40, 10.0)
    assert [span.count(duration) for duration in ("1 epoch", "2 epochs", "1 step", "7 steps", 0.0, 0.25, 1.0)] == [10, 20, 1, 7, 0, 10, 40]
    assert span.length(0.01) == pytest.approx(0.4)
    assert span.count(0.01) == 0


@pytest.mark.parametrize("duration", [0, 0.0, 0.5, 1, 1.0, "5 epochs", "1 epoch", "1 step", "200 steps"])
def test_a_valid_duration_stays_as_it_is(duration: float | str) -> None:
    assert DURATION.validate_python(duration) == duration


@pytest.mark.parametrize("duration", [-0.1, 1.01, 2, "5", "epochs", "5 epoch s", "-1 epochs", "0.5 epochs"])
def test_another_duration_is_refused(duration: float | str) -> None:
    with pytest.raises(ValidationError, match="'N epochs', 'N steps' or a fraction of the stage in"):
        DURATION.validate_python(duration)


def test_a_shortened_span_lacks_its_first_updates_and_their_epochs() -> None:
    history = [{"epoch": epoch} for epoch in range(1, 4)]
    shortened = Span(40, 10.0, history).shortened(20)
    assert (shortened.steps, shortened.steps_per_epoch) == (20, 10.0)
    assert shortened.history == [{"epoch": 3}]
