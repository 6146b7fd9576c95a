"""The types of the recipe's numbers, each with a range.

A limit that no recipe needs turns a typing error into a message before it fills the memory or overflows float32. It is no recommendation, and
so it is named only where a number exceeds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Interval
from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

MAX_COUNT = 1_000_000_000
MAX_NUMBER = 3.4e38  # float32's largest is 3.4028e38


def at_most(limit: float) -> AfterValidator:
    """Return the annotation that refuses larger numbers."""

    def check(value: Any) -> Any:
        if value > limit:
            raise ValueError(f"expected at most {limit:,.12g}, got {value!r}")
        return value

    return AfterValidator(check)


Positive = Annotated[int, Field(gt=0), at_most(MAX_COUNT)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveNumber = Annotated[float, Field(gt=0), at_most(MAX_NUMBER)]
NonnegativeNumber = Annotated[float, Field(ge=0), at_most(MAX_NUMBER)]


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def contains(interval: Interval, value: Any) -> Any:
    """Whether a number, or each number of an array, is in an interval and at most `MAX_NUMBER`."""
    limits: Mapping[str, Any] = {"gt": interval.gt, "ge": interval.ge, "lt": interval.lt, "le": interval.le}
    lower = value > limits["gt"] if limits["ge"] is None else value >= limits["ge"]
    upper = value <= (MAX_NUMBER if limits["le"] is None else limits["le"])
    return lower & upper & (True if limits["lt"] is None else value < limits["lt"])


@dataclass(frozen=True)
class ConstantForm:
    """Lets a plain number of an interval stand for the constant schedule."""

    interval: Interval

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._expand, handler(source))

    def _expand(self, value: Any) -> Any:
        if is_number(value) and value > MAX_NUMBER and self.interval.lt is None:
            raise ValueError(f"expected at most {MAX_NUMBER:g}, got {value!r}")
        return {"name": "constant", "value": value} if is_number(value) and contains(self.interval, value) else value
