"""Types of the schedules' arguments, with their ranges, and checks of durations.

In the formulas of this package, t is the update, from 0, and T the number of updates.
"""

from typing import Annotated

from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.span import Span

Value = Annotated[float, Field(ge=0)]
Factor = Annotated[float, Field(gt=0, le=1)]  # multiplies a value when it falls


def measure_length(span: Span, argument: str, duration: float | str) -> float:
    """Return a duration that must not exceed the span, in updates, a number in [0, span.steps].

    Raises:
        UserError: It exceeds the span.
    """
    length = span.length(duration)
    if length > span.steps:
        raise UserError(f"{argument}: expected at most {span.steps:,} steps, the length of the schedule, got {duration!r} ({length:,g} steps)")
    return length


def measure_period(span: Span, argument: str, duration: float | str) -> float:
    """Return the length of a period in updates, >= 1: a fraction of a short stage is rounded up to one update.

    Raises:
        UserError: It is zero.
    """
    length = span.length(duration)
    if length <= 0:
        raise UserError(f"{argument}: expected a duration > 0, got {duration!r}")
    return max(1.0, length)
