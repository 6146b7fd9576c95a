"""The values of a stage, update by update: warm-up and the checks of a schedule's values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.planning.plan import make_plan
from kcifar.planning.schedule_plan import SchedulePlan, split_schedule_name
from kcifar.recipe.load import load_recipe
from kcifar.recipe.span import Span


def plan_of(**schedule: Any) -> SchedulePlan:
    stage = {"name": "only", "epochs": 2, "learning_rate": {"name": "constant", "value": 0.4, **schedule}}
    return make_plan(load_recipe(tiny_recipe(stages=[stage], defaults={}))).stages[0].schedules["learning_rate"]


@given(fraction=st.floats(0, 0.99), start=st.floats(0, 1), steps=st.integers(2, 200))
def test_a_warm_up_given_as_a_fraction_lasts_that_fraction_of_the_span(fraction: float, start: float, steps: int) -> None:
    rise = round(fraction * steps)
    if rise == steps:
        return
    values = plan_of(warm_up=fraction, warm_up_from=start).table(Span(steps, 10.0))
    assert values.shape == (steps,)
    assert values[:rise] == pytest.approx(0.4 * (start + (1 - start) * np.arange(rise) / max(1, rise)))
    assert (values[rise:] == 0.4).all()


@pytest.mark.parametrize("warm_up", ["10 steps", "1 epoch", 0.25])
def test_a_warm_up_is_the_same_in_steps_in_epochs_and_as_a_fraction(warm_up: float | str) -> None:
    values = plan_of(warm_up=warm_up).table(Span(40, 10.0))
    assert values[:12] == pytest.approx([*(0.04 * np.arange(10)), 0.4, 0.4])


@pytest.mark.parametrize(("warm_up", "steps"), [(1.0, 40), ("4 epochs", 40), ("41 steps", 41)])
def test_a_warm_up_that_leaves_no_update_is_refused(warm_up: float | str, steps: int) -> None:
    with pytest.raises(UserError, match=rf"learning_rate\.warm_up: expected less than the stage's 40 steps, got {warm_up!r} \({steps} steps\)"):
        plan_of(warm_up=warm_up).table(Span(40, 10.0))


def test_a_schedule_is_found_by_the_name_of_its_key() -> None:
    assert split_schedule_name("rate_multipliers.0.value") == ("rate_multipliers", 0, "value")
    assert split_schedule_name("learning_rate") == ("learning_rate",)
