"""Name patterns of layers and variables: the refusal of one that matches nothing, with patterns that would match."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import groupby

from kcifar.core.errors import UserError, find_nearest

_MAX_LISTED = 8
_CUTOFF = 0.75  # "stage" is not a misspelled "stem"


def check_match(place: str, kind: str, pattern: str, names: Sequence[str]) -> None:
    """Refuse a pattern that matches none of the names.

    Args:
        place: Where the recipe writes the pattern.
        kind: What it should match, for the message: "a layer with weights".
        pattern: As in a shell.
        names: In the order of the network.
    Raises:
        UserError: The message lists patterns for all parts of the network, and offers the nearest.
    """
    if any(fnmatchcase(name, pattern) for name in names):
        return
    groups = list_patterns(names)
    more = ", …" if len(groups) > _MAX_LISTED else ""
    examples = f"such as {', '.join(map(repr, groups[:_MAX_LISTED]))}{more}" if groups else "of which this network has none"
    raise UserError(f"{place}: expected a pattern that matches {kind}, {examples}, got {pattern!r}{suggest_pattern(pattern, names)}")


def list_patterns(names: Sequence[str]) -> list[str]:
    """Return one pattern for each group of names that begin with the same word, in order; of a single name, the name.

    Example:
        >>> list_patterns(["stem_conv", "stem_norm", "block1_conv", "block1_norm", "logits"])
        ['stem_*', 'block1_*', 'logits']
    """
    unique = list(dict.fromkeys(names))
    firsts = list(dict.fromkeys(map(_find_first_word, unique)))
    members = {first: list(group) for first, group in groupby(sorted(unique, key=_find_first_word), _find_first_word)}
    return [members[first][0] if len(members[first]) == 1 else _cover(first, members[first]) for first in firsts]


def _find_first_word(name: str) -> str:
    return re.split("[_/]", name, maxsplit=1)[0]


def _cover(first: str, names: Sequence[str]) -> str:
    """Return the pattern of names that begin with a word."""
    separators = {name[len(first) : len(first) + 1] for name in names}
    return f"{first}{separators.pop()}*" if len(separators) == 1 else f"{first}*"


def suggest_pattern(pattern: str, names: Sequence[str]) -> str:
    """Return "; did you mean '…'?": the pattern's text anywhere in a name, if a name contains it, else the nearest group of names."""
    text = re.sub(r"[*?\[\]!]+", " ", pattern).strip()
    if text and any(text in name for name in names):
        return f"; did you mean {f'*{text}*'!r}?"
    if text and any(text.lower() in name for name in names):
        return f"; did you mean {f'*{text.lower()}*'!r}?"
    by_word = {_find_first_word(found): found for found in list_patterns(names)}
    nearest = find_nearest(_find_first_word(text), by_word, _CUTOFF)
    return f"; did you mean {by_word[nearest]!r}?" if nearest is not None else ""
