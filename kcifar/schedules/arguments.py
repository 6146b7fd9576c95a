"""The types of schedules' arguments, with their ranges, and the check of durations that must end within the stage.

The formulas of this folder write t for the update, from 0, and T for the number of updates.
"""

from typing import Annotated

from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.span import Span

Value = Annotated[float, Field(ge=0)]
Factor = Annotated[float, Field(gt=0, le=1)]  # what a value is multiplied by as it falls


def length_within(span: Span, argument: str, duration: float | str) -> float:
    """Return how many updates from the start of the span something lies or lasts, a number in [0, span.steps].

    Raises:
        UserError: It would lie behind the end of the span.
    """
    length = span.length(duration)
    if length > span.steps:
        raise UserError(f"{argument}: expected at most {span.steps:,} steps, all that the schedule has, got {duration!r} ({length:,g} steps)")
    return length


def period_length(span: Span, argument: str, duration: float | str) -> float:
    """Return how many updates something that repeats lasts, >= 1: a share of a short stage is rounded up to one update.

    Raises:
        UserError: It is zero.
    """
    length = span.length(duration)
    if length <= 0:
        raise UserError(f"{argument}: expected a duration > 0, got {duration!r}")
    return max(1.0, length)
