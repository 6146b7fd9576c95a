"""Types of the schedules' arguments, with their ranges, and checks of durations.

In the formulas of this package, t is the update, from 0, and T the number of updates.
"""

from typing import Annotated, Any, get_args, get_origin

from annotated_types import Interval
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.recipe.numbers import MAX_NUMBER, at_most
from kcifar.recipe.span import Span

_SCHEDULED = "a value of the quantity that is scheduled"
Value = Annotated[float, Field(ge=0), at_most(MAX_NUMBER), _SCHEDULED]  # the key that takes the schedule says more: see `narrow_values`
Factor = Annotated[float, Field(gt=0, le=1)]  # multiplies a value when it falls


def narrow_values(annotation: Any, interval: Interval) -> Any:
    """Return an argument's type with `interval` in place of the range of each `Value` in it; other types as they are."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        if _SCHEDULED in inner[1:]:
            return Annotated[inner[0], interval, at_most(MAX_NUMBER)]
        return Annotated[(narrow_values(inner[0], interval), *inner[1:])]
    return list[narrow_values(inner[0], interval)] if get_origin(annotation) is list else annotation  # type: ignore[misc]  # known only now


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
