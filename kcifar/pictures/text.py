"""The width of text, and text cut to the width that a figure has for it."""

import unicodedata
from bisect import bisect_right
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from kcifar.core.errors import one_line
from kcifar.pictures.style import DOTS_PER_POINT, FONT

_MAX_FITTED, _MAX_SHORTENED = 60, 100  # letters; nothing longer is measured
_LINE_SPACING = 1.35  # times the size of the letters


@lru_cache(maxsize=4096)
def measure_text(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line of text in points, the same on every machine, since matplotlib brings the font.

    A wide letter that the font lacks counts as one em, the width at which other fonts draw it.

    Args:
        text: One line.
        size: Of the letters, in points.
        weight: "normal" or "bold".
    """
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=size, weight=weight), ismath=False)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return max(float(width), wide * size)


def line_height(size: float) -> int:
    """Return the height of a line of text in dots, for letters of so many points."""
    return round(size * _LINE_SPACING * DOTS_PER_POINT)


def fit_text(name: str, room: float, size: float, before: str = "", after: str = "", weight: str = "normal") -> str:
    """Return a name between two texts, cut at its end so that the line fits the room; at least one letter of the name stays.

    Args:
        name: Any text; made one line.
        room: In points.
        size: Of the letters, in points.
        before: Put before the name; never cut.
        after: Put after it; never cut.
        weight: "normal" or "bold".
    """
    line = one_line(name, _MAX_FITTED)
    while len(line) > 1 and measure_text(before + line + after, size, weight) > room:
        line = one_line(line, len(line) - 1)
    return before + line + after


def shorten_middle(name: str, room: float, size: float) -> str:
    """Return a name that fits the room; one that is too long loses its middle, since the names of runs often differ in their last letters.

    Args:
        name: Any text; made one line.
        room: In points.
        size: Of the letters, in points.
    """
    line = one_line(name, 10_000)
    if len(line) <= _MAX_SHORTENED and measure_text(line, size) <= room:
        return line
    counts = range(min(len(line), _MAX_SHORTENED))
    fitting = bisect_right(counts, room, key=lambda letters: measure_text(_drop_middle(line, letters), size))
    return _drop_middle(line, max(fitting - 1, 0))


def _drop_middle(text: str, letters: int) -> str:
    """Return the text with so many of its letters, half of them from either end; at most all but one."""
    tail = letters // 2
    return f"{text[: letters - tail]}…{text[len(text) - tail :]}"
