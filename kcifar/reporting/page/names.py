"""Names of runs, recipes, classes and stages in sentences."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import count

from kcifar.core.errors import one_line

_MAX_LISTED = 5  # names in a sentence
_MAX_ENTRY = 160  # letters of each
_HALF_NAME = 28  # letters kept of each end of a name
_MAX_LABEL = 40  # letters of a class or a stage
# A name that cannot be mistaken for a part of the sentence: words with a letter, none of them a word that the sentences use around names.
_PLAIN = re.compile(r"(?!.*\b(and|for|predicted|as|more|each)\b)(?=.*[^\W\d_])[\w-]+( [\w-]+)*")


def join_names(names: Sequence[str], limit: int = _MAX_LISTED, last: str = ", ") -> str:
    """Return names for a sentence, and how many are left out: "a, b, c, d, e and 3 more".

    Args:
        names: Each is put on one line, and truncated if it is very long.
        limit: Maximum number of names.
        last: Separator before the last name if all are shown.
    """
    shown = [one_line(name, _MAX_ENTRY) for name in names[:limit]]
    left_out = len(names) - len(shown)
    return join_words([*shown, f"{left_out:,} more"]) if left_out else join_words(shown, last)


def join_words(words: Sequence[str], last: str = " and ") -> str:
    """Return words separated by commas, the last one by `last`."""
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def shorten_name(name: str) -> str:
    """Return a name for a sentence: on one line, without its middle if it is long, because runs often differ in their last letters.

    Example:
        >>> shorten_name("resnet20_with_a_name_that_goes_on_and_on_and_on_and_on-seed0")
        'resnet20_with_a_name_that_go…n_and_on_and_on_and_on-seed0'
    """
    flat = one_line(name, 10_000)
    return flat if len(flat) <= 2 * _HALF_NAME + 1 else f"{flat[:_HALF_NAME]}…{flat[-_HALF_NAME:]}"


def make_distinct(labels: Sequence[str]) -> list[str]:
    """Make labels unique: the second of equal labels gets " #2", or the next number that makes it unique."""
    unique: dict[str, None] = {}
    for label in labels:
        numbered = (f"{label} #{number}" for number in count(2))
        unique[label if label not in unique else next(candidate for candidate in numbered if candidate not in unique)] = None
    return list(unique)


def label_classes(names: Sequence[str]) -> list[str]:
    """Return the names of classes on one line, with a number if two look alike, in quotes if they could be misread."""
    return [label if _PLAIN.fullmatch(label) else f'"{label}"' for label in _number_repeated(names, "label", 0)]


def label_stages(names: Sequence[str]) -> list[str]:
    """Return the names of stages in quotes, on one line, with a number if two look alike."""
    return [f'"{label}"' for label in _number_repeated(names, "stage", 1)]


def _number_repeated(names: Sequence[str], noun: str, first: int) -> list[str]:
    shown = [one_line(name, _MAX_LABEL) for name in names]
    times = Counter(shown)
    return [name if times[name] == 1 else f"{name} ({noun} {number})" for number, name in enumerate(shown, start=first)]
