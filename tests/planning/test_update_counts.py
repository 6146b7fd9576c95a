"""A stage whose batches do not make an update is refused with its place; with one update it is planned."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.planning.plan import Plan, make_plan
from kcifar.planning.update_counts import check_updates
from kcifar.recipe.load import load_recipe


def plan_of(**later: Any) -> Plan:
    stages = [{"name": "first", "epochs": 1, "learning_rate": 0.1}, {"name": "later", "epochs": 1, "learning_rate": 0.1, **later}]
    return make_plan(load_recipe(tiny_recipe(stages=stages, defaults={})))


@given(images=st.integers(1, 60), batch=st.integers(1, 20), epochs=st.integers(1, 5), accumulate=st.integers(1, 60), drops=st.booleans())
def test_a_stage_is_refused_if_it_makes_no_update(images: int, batch: int, epochs: int, accumulate: int, drops: bool) -> None:
    """Batches are counted one by one; a batch larger than the data is not dropped."""
    starts = range(0, max(1, images - batch + 1) if drops else images, batch)
    plan = plan_of(batch_size=batch, epochs=epochs, accumulate=accumulate, last_batch="drop" if drops else "keep")
    if epochs * len(starts) // accumulate:
        check_updates(plan, images)
        return
    message = f"stages[1].accumulate: expected at most {epochs * len(starts)}, the number of batches of stage 'later', got {accumulate}"
    with pytest.raises(UserError) as caught:
        check_updates(plan, images)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
