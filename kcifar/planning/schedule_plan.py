"""The values that change from update to update: each a registered schedule with an optional warm-up."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from annotated_types import Interval

from kcifar.core.checks import Path
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.planning.part_plan import PartPlan, plan_part
from kcifar.recipe.load import Recipe
from kcifar.recipe.numbers import MAX_NUMBER, contains
from kcifar.recipe.span import Span
from kcifar.recipe.stage_settings import SchedulePart
from kcifar.schedules import SCHEDULES
from kcifar.schedules.arguments import narrow_values


@dataclass(frozen=True)
class SchedulePlan:
    """A value for each update of a stage: a registered schedule, with an optional warm-up before it.

    Attributes:
        part: The schedule.
        warm_up: How long the value rises linearly to the schedule's first value; None for no warm-up.
        warm_up_from: Where the rise begins, as a fraction of the schedule's first value.
        place: Where the recipe writes the schedule, for messages.
        interval: What the values may be.
    """

    part: PartPlan
    warm_up: float | str | None
    warm_up_from: float
    place: str
    interval: Interval

    def table(self, span: Span) -> np.ndarray:
        """Return the value at each update of the span, float64 (span.steps,).

        Raises:
            UserError: The warm-up fills the entire span, a duration does not fit it, or a value is out of its range.
        """
        rise = 0 if self.warm_up is None else span.count(self.warm_up)
        if rise >= span.steps:
            raise UserError(f"{self.place}.warm_up: expected less than the stage's {span.steps:,} steps, got {self.warm_up!r} ({rise:,} steps)")
        values = self._scheduled_values(span.shortened(rise) if rise else span)
        fractions = self.warm_up_from + (1 - self.warm_up_from) * np.arange(rise) / max(1, rise)
        return np.concatenate([values[0] * fractions, values])

    def _scheduled_values(self, span: Span) -> np.ndarray:
        """Return the schedule's values, float64 (span.steps,); checked, as the schedule may be the user's."""
        try:
            values = np.asarray(self.part.make(span), np.float64)
        except UserError as error:
            raise UserError(f"{self.place}: {error}") from None
        if values.shape != (span.steps,):
            raise UserError(f"{self.place}: expected one value for each of {span.steps:,} steps from {self.part.name!r}, got shape {values.shape}")
        wrong = np.flatnonzero(~contains(self.interval, values))
        if wrong.size:
            value, step = values[wrong[0]], wrong[0] + 1
            most = f"< {self.interval.lt}" if self.interval.lt is not None else f"<= {self.interval.le or MAX_NUMBER:g}"
            raise UserError(f"{self.place}: expected values >= {self.interval.ge} and {most}, got {value:g} at step {step:,} of {self.part.name!r}")
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as a recipe writes it."""
        return self.part.to_dict() | {"warm_up": self.warm_up, "warm_up_from": self.warm_up_from}


def plan_schedules(recipe: Recipe, index: int, mistakes: Mistakes) -> Iterator[tuple[str, SchedulePlan]]:
    """Yield each value of a stage that may change from update to update, by the name of its key; without those that have mistakes."""
    stage = recipe.stages[index]
    parts: dict[str, SchedulePart | None] = {
        "learning_rate": stage.learning_rate,
        "momentum": stage.momentum,
        "weight_decay.value": stage.weight_decay.value if stage.weight_decay else None,
        "lookahead.keep": stage.lookahead.keep if stage.lookahead else None,
    }
    # An entry with a mistake is None, whatever its type says; see `read_recipe`.
    parts |= {f"rate_multipliers.{k}.value": multiplier.value for k, multiplier in enumerate(stage.rate_multipliers) if multiplier is not None}
    for name, part in parts.items():
        first, *rest = split_schedule_name(name)
        path = (*recipe.stage_path(index, first), *rest)
        if part is not None:
            planned = _plan_schedule(part, path, recipe, mistakes)
            if planned is not None:
                yield name, planned


def _plan_schedule(part: SchedulePart, path: Path, recipe: Recipe, mistakes: Mistakes) -> SchedulePlan | None:
    interval = part.CONSTANT if part.name == "constant" else part.VALUES
    planned = plan_part(SCHEDULES, part, path, recipe, mistakes, partial(narrow_values, interval=interval))
    return None if planned is None else SchedulePlan(planned, part.warm_up, part.warm_up_from, recipe.origin.place(path), part.VALUES)


def split_schedule_name(name: str) -> tuple[Any, ...]:
    """Return the path at which a stage writes a schedule: "rate_multipliers.0.value" is ("rate_multipliers", 0, "value")."""
    return tuple(int(key) if key.isdecimal() else key for key in name.split("."))
