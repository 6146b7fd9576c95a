"""Names of any length, cut so that they fit the room that a figure has for them."""

import unicodedata

from kcifar.core.errors import one_line
from kcifar.pictures.text_width import text_width

_LONGEST = 60  # letters; nothing longer is measured


def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line of text in points; signs that the font lacks count as wide as the size at which others draw them."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return max(text_width(text, size, weight), wide * size)


def fitted(name: str, room: float, size: float, before: str = "", after: str = "", weight: str = "normal") -> str:
    """Return a name between other words, cut at its end so that all of it is no wider than the room; at least one letter stays.

    Args:
        name: Any text; made one line.
        room: In points.
        size: Of the letters, in points.
        before: Put before the name; never cut.
        after: Put after it; never cut.
        weight: "normal" or "bold".
    """
    line = one_line(name, _LONGEST)
    while len(line) > 1 and width_of(before + line + after, size, weight) > room:
        line = one_line(line, len(line) - 1)
    return before + line + after
