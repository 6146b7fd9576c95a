"""Names, counts and differences, as sentences print them.

Exact values are compared, but values that are printed alike count as tied: no sentence ranks one above another if the reader sees the
same number twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kcifar.reporting.page.columns import POINTS, is_change
from kcifar.reporting.page.names import join_names

MAX_NAMED = 3

_Number = TypeVar("_Number", int, float)


def join_labels(labels: Sequence[str]) -> str:
    """Return labels joined for a sentence: "cat", "cat and dog", "cat, dog and ship", "cat, dog, ship and 4 more"."""
    return join_names(labels, MAX_NAMED, " and ")


def count_noun(count: int, noun: str) -> str:
    """Return "1 epoch", "2,000 epochs"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def write_size(difference: float) -> str:
    """Return a difference of fractions in percentage points, without its sign: "1.30 points"."""
    return f"{POINTS.write(abs(difference)).lstrip('+')} points"


def write_change(difference: float) -> str:
    """Return a difference of fractions in percentage points, with its sign: "-1.30 points"."""
    return f"{POINTS.write(difference) if is_change(difference) else '0.00'} points"


def find_extremes(values: Mapping[int, _Number], write: Callable[[_Number], str]) -> tuple[list[int], list[int]]:
    """Return the keys of the highest and of the lowest values, including values that are printed alike.

    Args:
        values: At least one.
        write: Formats a value and keeps the order: the larger of two values is never printed as the smaller number.
    """
    highest, lowest = write(max(values.values())), write(min(values.values()))
    return [key for key, value in values.items() if write(value) == highest], [key for key, value in values.items() if write(value) == lowest]
