"""What runs and recipes are called in sentences."""

from collections.abc import Sequence
from itertools import count

from kcifar.core.errors import one_line

_MAX_LISTED = 5  # names in a sentence
_MAX_ENTRY = 160  # letters of each
_HALF_NAME = 28  # letters kept of each end of a name


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence, as many as one reads: "a, b, c, d, e and 3 more"."""
    shown = ", ".join(one_line(name, _MAX_ENTRY) for name in names[:_MAX_LISTED])
    return shown + (f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else "")


def called(name: str) -> str:
    """Return a name for a sentence: on one line, and without its middle where it is long, for runs often differ in their last letters.

    Example:
        >>> called("resnet20_with_a_name_that_goes_on_and_on_and_on_and_on-seed0")
        'resnet20_with_a_name_that_go…n_and_on_and_on_and_on-seed0'
    """
    flat = one_line(name, 10_000)
    return flat if len(flat) <= 2 * _HALF_NAME + 1 else f"{flat[:_HALF_NAME]}…{flat[-_HALF_NAME:]}"


def distinct(labels: Sequence[str]) -> list[str]:
    """Make labels unique: the second of equal ones gets " #2", or the next number that makes it so."""
    unique: dict[str, None] = {}
    for label in labels:
        numbered = (f"{label} #{number}" for number in count(2))
        unique[label if label not in unique else next(other for other in numbered if other not in unique)] = None
    return list(unique)
