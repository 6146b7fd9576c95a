"""How many of each of several groups are shown where there is no room for all."""

from collections import Counter
from collections.abc import Sequence

from kcifar.reporting.analysis.groups import Group


def best_of_each(groups: Sequence[Group], limit: int) -> list[Group]:
    """Return the first runs of each group, at most `limit` in all, shared out evenly; groups of which none is left are dropped."""
    shares = even_shares([len(group.runs) for group in groups], limit)
    return [Group(group.label, group.runs[:share]) for group, share in zip(groups, shares, strict=True) if share]


def even_shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Return how many to take of several groups, at most `limit` in all, as evenly as their sizes allow; the first get what is over.

    Example:
        >>> even_shares([30, 5, 30], 40)
        [18, 5, 17]
    """
    places = sorted((place, number) for number, size in enumerate(sizes) for place in range(min(size, limit)))
    taken = Counter(number for _, number in places[:limit])
    return [taken[number] for number in range(len(sizes))]
