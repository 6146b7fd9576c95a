"""All blocks on one page: title, columns of boxes, the way from column to column, legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kcifar.pictures.diagram.boxes import Box, lay_out, pill_width
from kcifar.pictures.diagram.captions import caption, group_caption, headline, output_caption, shape_after
from kcifar.pictures.diagram.columns import split
from kcifar.pictures.diagram.folding import folded
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.lanes import far_edges
from kcifar.pictures.diagram.legend import legend
from kcifar.pictures.diagram.shapes import Dot, Mark, Note, Pill, Plate, Shape, Slab, Wire, moved
from kcifar.pictures.diagram.stack import Column, column_height, column_of, column_width, with_labels
from kcifar.pictures.diagram.units import Unit, arrange
from kcifar.pictures.diagram.words import MERGE
from kcifar.pictures.text_width import LINE, NAME, SMALL, TITLE, text_width

BORDER, GUTTER = 16.0, 26.0
HEAD = 40.0  # title and numbers
OUT = 2.0  # how far the last arrow leads out of the last column
BELOW = 26.0  # between the columns and the legend


@dataclass(frozen=True)
class Page:
    """A finished picture: width and height in points, and its shapes from back to front.

    `items` and `units` say what the shapes stand for: an item is drawn in the one unit that holds it or, folded, an equal one.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    items: tuple[Item, ...]
    units: tuple[Unit, ...]


def compose(summary: Mapping[str, Any]) -> Page:
    """Lay a network out.

    Args:
        summary: As `kcifar.models.summary.model_summary` returns it and `model.json` holds it.
    """
    items, blocks = arrange(summary["layers"])
    units = folded(items, blocks)
    columns = _columns(items, _boxes(items, units))
    title = _title(summary)
    body = sum(column.width for column in columns) + GUTTER * (len(columns) - 1)
    inner = max(body, *(text_width(note.text, note.size, note.weight) for note in title))
    shapes = _placed(columns, BORDER + (inner - body) / 2, output_caption(summary["layers"][-1]["name"], items[units[-1].exit]))
    foot = BORDER + HEAD + max(column.height for column in columns)
    signs, deep = legend(items, units, BORDER, foot + BELOW, inner)
    return Page(inner + 2 * BORDER, foot + BELOW + deep + BORDER, tuple(_by_depth([*title, *shapes, *signs])), tuple(items), tuple(units))


def _boxes(items: Sequence[Item], units: Sequence[Unit]) -> list[Box]:
    texts = [items[index].text for unit in units for index in unit.items if items[index].kind != MERGE]
    names = [caption(items, unit) for unit in units]
    groups = [group_caption(items, [unit]) for unit in units if unit.label[0]]
    # Half of the width also takes the words left of the line that leads into a box.
    spine = max([*map(pill_width, texts), *(2 * text_width(name, SMALL) for name in names), *(2 * text_width(name, NAME, "bold") for name in groups)])
    boxes = [lay_out(items, unit, spine, unit.count > 1 or bool(caption(items, unit))) for unit in units]
    return with_labels(items, boxes, [shape_after(items, unit) for unit in units])


def _columns(items: Sequence[Item], boxes: Sequence[Box]) -> list[Column]:
    edges = far_edges(items, boxes)
    groups = [box.unit.label[0] for box in boxes]
    torn = [False, *(after != "" and after == before for before, after in pairwise(groups))]
    parts = split(
        len(boxes),
        lambda first, end: column_height(boxes[first:end]),
        lambda first, end: column_width(items, boxes[first:end], edges) + GUTTER,
        torn,
    )
    return [column_of(items, boxes[first:end], edges) for first, end in parts]


def _placed(columns: Sequence[Column], left: float, name: str) -> list[Shape]:
    """Put columns side by side and lead from the foot of one to the head of the next."""
    spines: list[float] = []
    for column in columns:
        spines.append(left + column.left)
        left += column.width + GUTTER
    top = BORDER + HEAD
    shapes = [moved(shape, x, top) for column, x in zip(columns, spines, strict=True) for shape in column.shapes]
    for (one, x), (other, to) in pairwise(zip(columns, spines, strict=True)):
        between = to - other.left - GUTTER / 2
        way = ((x, one.leaves), (x, one.height), (between, one.height), (between, 0.0), (to, 0.0), (to, other.enters))
        shapes += [moved(Wire(way, False, True), 0.0, top)] if other.follows else []
    return [*shapes, *(moved(shape, spines[-1], top) for shape in _output(columns[-1], name))]


def _output(column: Column, name: str) -> list[Shape]:
    """Lead out of the last box and write what comes out."""
    return [Wire(((0.0, column.leaves), (0.0, column.height + OUT)), False, True), Note(0.0, column.height + OUT + 7, name, SMALL, "center", "bold")]


def _title(summary: Mapping[str, Any]) -> list[Note]:
    name = Note(BORDER, BORDER + 8, summary["name"], TITLE, "left", "bold")
    return [name, Note(BORDER, BORDER + 24, headline(summary), LINE, "left")]


def _by_depth(shapes: Sequence[Shape]) -> list[Shape]:
    """Put frames behind boxes, boxes behind lines, lines behind text."""
    order = (Plate, Slab, Wire, Dot, Pill, Mark, Note)
    return sorted(shapes, key=lambda shape: (order.index(type(shape)), not getattr(shape, "frame", False), getattr(shape, "shortcut", False)))
