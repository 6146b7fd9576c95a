"""Lists in messages, cut to a readable length, and counts."""

from collections.abc import Iterable, Sequence

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


def count_noun(count: int, noun: str) -> str:
    """Return a number and what is counted, whose plural ends in s: "1 file", "2 files"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def describe_unreadable(files: Sequence[str], *, are_skipped: bool) -> str:
    """Return how many files cannot be read, and the first few of the lines about them."""
    skipped = f" and {'is' if len(files) == 1 else 'are'} skipped" if are_skipped else ""
    return f"{count_noun(len(files), 'file')} cannot be read{skipped}: {list_first(files)}"
