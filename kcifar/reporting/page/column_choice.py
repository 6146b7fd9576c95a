"""Which columns of a table the page shows: those named first, as many as there is room for; a reader can ask for the others.

The page hides a column by its class where its table has less room than the class says (`tables.css`). Widths are estimated from the text, in
the widest of the fonts that a browser may choose, because the page is written without a browser.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

ON_DEMAND = "more"  # class of a column that is hidden until the reader asks for it
# Classes by the room that they need, rem; columns without a class fit the narrowest phone.
ROOMS = {"": 18.0, "w21": 21.0, "w23": 23.0, "w37": 37.0, "w48": 48.0, "w58": 58.0, "w84": 84.0}
_NARROW = 37.0  # rem; below, text is wrapped
_CHARACTER, _BOLD, _ARROW = 0.56, 0.54, 1.05  # rem, in letters of 0.875 rem
_PADDING, _NARROW_PADDING = 1.2, 0.7  # rem
_WRAPPED, _LONG = 6.8, 17.0  # rem; the least width of text that is wrapped, and of long text on a wide screen

_BREAK = re.compile(r"(?<=[_-])|\s")  # where text may be broken


def choose_columns(texts: Mapping[str, Sequence[str]], looks: Mapping[str, str], heads: int, chosen: Sequence[str]) -> dict[str, str]:
    """Return the class of each column by its heading: empty, one of `ROOMS`, or `ON_DEMAND`.

    Args:
        texts: The cells of each column by its heading, in the order of the table.
        looks: The class of each column: "number", "text" or "long".
        heads: How many of the first columns name the row; they are always shown.
        chosen: Headings of the columns that may be shown, the most important first; empty: all.
    """
    names = list(texts)
    ranked = [*names[:heads], *([name for name in chosen if name in texts] or names[heads:])]
    ranked = list(dict.fromkeys(ranked))
    narrow, wide = (list(accumulate(estimate_width(name, texts[name], looks[name], wrapped) for name in ranked)) for wrapped in (True, False))
    classes = {name: _find_room(*widths) for name, *widths in zip(ranked, narrow, wide, strict=True)}
    return {name: "" if place < heads else classes.get(name, ON_DEMAND) for place, name in enumerate(names)}


def estimate_width(heading: str, cells: Sequence[str], looks: str, wrapped: bool) -> float:
    """Return the width of a column in rem; `wrapped` where text may be broken, as on a phone."""
    word = max((len(word) for word in heading.split()), default=0) * _BOLD + _ARROW
    text = max(map(len, cells), default=0) * _CHARACTER
    if looks != "number":
        piece = max((len(piece) for cell in cells for piece in _BREAK.split(cell)), default=0) * _CHARACTER
        text = max(min(text, _WRAPPED), piece if looks == "text" else 0) if wrapped else min(text, _LONG)
    return max(word, text) + (_NARROW_PADDING if wrapped else _PADDING)


def _find_room(narrow: float, wide: float) -> str:
    return next((name for name, room in ROOMS.items() if (narrow if room < _NARROW else wide) <= room), ON_DEMAND)
