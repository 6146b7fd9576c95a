"""The meaning of the colors, signs and abbreviations of a picture."""

from collections.abc import Sequence

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.shapes import SMALL, Mark, Note, Pill, Shape
from kcifar.pictures.diagram.units import Unit
from kcifar.pictures.diagram.words import ATTENTION, CONVOLUTION, DENSE, MERGE, NORM_OR_ACTIVATION, OTHER, POOLING
from kcifar.pictures.text import measure_text

ROW, SWATCH, BETWEEN = 13.0, 15.0, 14.0
KINDS = (CONVOLUTION, DENSE, ATTENTION, POOLING, NORM_OR_ACTIVATION, OTHER)
_SHORT = {"BN": "batch normalization", "LN": "layer normalization", "GN": "group normalization"}


def make_legend(items: Sequence[Item], units: Sequence[Unit], left: float, top: float, width: float) -> tuple[list[Shape], float]:
    """Return the legend's shapes, broken into rows, and its height.

    Args:
        items: All items; only what the picture contains is explained.
        units: The units that are drawn.
        left: Left end of the rows.
        top: Top of the first row.
        width: Of a row.
    """
    shapes: list[Shape] = []
    x, y = left, top + ROW / 2
    for sign, text in _list_entries(items, units):
        room = (SWATCH + 4 if sign else 0.0) + measure_text(text, SMALL)
        if x > left and x + room > left + width:
            x, y = left, y + ROW
        if sign:
            shapes.append(_make_sign(sign, x, y))
        shapes.append(Note(x + room - measure_text(text, SMALL), y, text, SMALL, "left"))
        x += room + BETWEEN
    return shapes, y + ROW / 2 - top


def _make_sign(sign: str, x: float, y: float) -> Shape:
    if sign in KINDS:
        return Pill(x + SWATCH / 2, y, SWATCH, 9.0, "", sign, -1)
    return Mark(x + SWATCH / 2, y, 4.5, sign, -1)


def _list_entries(items: Sequence[Item], units: Sequence[Unit]) -> list[tuple[str, str]]:
    """Return sign (empty for text alone) and meaning of everything that the picture contains."""
    shown = [items[index] for unit in units for index in unit.items]
    kinds = [(kind, kind) for kind in KINDS if any(item.kind == kind for item in shown)]
    marks = [(text, text) for text in dict.fromkeys(item.text for item in shown if item.kind == MERGE)]
    words = {word for item in shown for word in item.text.replace(",", "").split(" ")}
    short = [("", f"{word}: {meaning}") for word, meaning in _SHORT.items() if word in words]
    short += [("", f"{word}: stride {word[1:]}") for word in sorted(words) if word.startswith("/")]
    return [*kinds, *marks, *short, *([("", "×n: n such blocks in a row")] if any(unit.count > 1 for unit in units) else [])]
