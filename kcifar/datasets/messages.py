"""Lists in messages, cut to a readable length."""

from collections.abc import Iterable

from kcifar.core.errors import one_line

_MAX_LISTED = 3


def list_first(texts: Iterable[str]) -> str:
    """Return the first few texts, and how many more there are."""
    lines = list(texts)
    more = f", and {len(lines) - _MAX_LISTED} more" if len(lines) > _MAX_LISTED else ""
    return ", ".join(one_line(line, 120) for line in lines[:_MAX_LISTED]) + more


def join_names(names: Iterable[str], limit: int = 120) -> str:
    """Return the names on one line of at most `limit` characters."""
    return one_line(", ".join(names), limit)
