"""How sentences name and count things.

Values are compared as they are, but those that are written alike count as tied: no sentence sets one above another where the reader
sees the same number twice.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kcifar.core.errors import one_line
from kcifar.reporting.page.columns import POINTS, SHARE

MAX_NAMED = 3
_MAX_LETTERS = 40
# A name that nobody takes for a part of the sentence: words with a letter, none of them a word of our own.
_PLAIN = re.compile(r"(?!.*\b(and|for|called|more|each)\b)(?=.*[^\W\d_])[\w-]+( [\w-]+)*")

Number = TypeVar("Number", int, float)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: "cat", "cat and dog", "cat, dog and ship", "cat, dog, ship and 4 more"."""
    shown = [*names[:MAX_NAMED], f"{len(names) - MAX_NAMED:,} more"] if len(names) > MAX_NAMED else list(names)
    return joined(shown)


def joined(parts: Sequence[str]) -> str:
    """Return parts, at least one, with commas and a last "and" between them."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def counted(count: int, noun: str) -> str:
    """Return "1 epoch", "2,000 epochs"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def size(difference: float) -> str:
    """Return a difference of shares in percentage points, without its sign: "1.30 points"."""
    return f"{POINTS.write(abs(difference)).lstrip('+')} points"


def change(difference: float) -> str:
    """Return the same with its sign: "-1.30 points"."""
    return f"{POINTS.write(difference) if is_change(difference) else '0.00'} points"


def is_change(difference: float) -> bool:
    """Whether a difference of shares is written as other than zero."""
    return in_points(difference) != 0


def in_points(difference: float) -> float:
    """Return a difference of shares as it is written, in percentage points with two digits; what is compared with a bound is this."""
    return float(POINTS.write(difference))


def are_alike(first: float, second: float) -> bool:
    """Whether two shares are written alike, or so is their difference and zero; they are within 0.01 points then."""
    return SHARE.write(first) == SHARE.write(second) or not is_change(first - second)


def class_labels(names: Sequence[str]) -> list[str]:
    """Return the classes' names on one line, told apart by number where two read alike, in quotes where they could be misread."""
    return [label if _PLAIN.fullmatch(label) else f'"{label}"' for label in _distinct(names, "label", 0)]


def stage_labels(names: Sequence[str]) -> list[str]:
    """Return the stages' names in quotes, on one line, told apart by number where two read alike."""
    return [f'"{label}"' for label in _distinct(names, "stage", 1)]


def extremes(values: Mapping[int, Number], write: Callable[[Number], str]) -> tuple[list[int], list[int]]:
    """Return the keys of the highest and of the lowest values, with those that are written like them.

    Args:
        values: At least one.
        write: Makes text of a value, in order: of two values the larger is never written as the smaller number.
    """
    highest, lowest = write(max(values.values())), write(min(values.values()))
    return [key for key, value in values.items() if write(value) == highest], [key for key, value in values.items() if write(value) == lowest]


def _distinct(names: Sequence[str], noun: str, first: int) -> list[str]:
    shown = [one_line(name, _MAX_LETTERS) for name in names]
    times = Counter(shown)
    return [name if times[name] == 1 else f"{name} ({noun} {number})" for number, name in enumerate(shown, start=first)]
