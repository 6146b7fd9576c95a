"""All blocks on one page: title, columns of boxes, the path from column to column, legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kcifar.pictures.diagram.box_column import BoxColumn, label_shapes, make_column, measure_column_height, measure_column_width
from kcifar.pictures.diagram.boxes import Box, lay_out_box, measure_pill
from kcifar.pictures.diagram.captions import describe_group, describe_output_shape, describe_outputs, describe_size, describe_unit
from kcifar.pictures.diagram.column_breaks import break_columns
from kcifar.pictures.diagram.folding import fold_repeats
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.lanes import find_far_edges
from kcifar.pictures.diagram.legend import make_legend
from kcifar.pictures.diagram.shapes import LINE, NAME, SMALL, TITLE, Dot, Mark, Note, Pill, Plate, Shape, Slab, Wire, move_shape
from kcifar.pictures.diagram.units import Unit, make_units
from kcifar.pictures.diagram.words import MERGE
from kcifar.pictures.text import measure_text

BORDER, GUTTER = 16.0, 26.0
HEAD = 40.0  # title and numbers
OUT = 2.0  # length of the last arrow outside the last column
BELOW = 26.0  # between the columns and the legend


@dataclass(frozen=True)
class Page:
    """A finished picture: width and height in points, and its shapes from back to front.

    `items` and `units` tell what the shapes represent: an item is drawn in its unit or, if that is folded, in an equal one.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    items: tuple[Item, ...]
    units: tuple[Unit, ...]


def compose_page(summary: Mapping[str, Any]) -> Page:
    """Lay a network out.

    Args:
        summary: As `kcifar.models.summary.summarize_model` returns it and `model.json` contains it.
    """
    items, blocks = make_units(summary["layers"])
    units = fold_repeats(items, blocks)
    columns = _make_columns(items, _make_boxes(items, units))
    title = _make_title(summary)
    body = sum(column.width for column in columns) + GUTTER * (len(columns) - 1)
    inner = max(body, *(measure_text(note.text, note.size, note.weight) for note in title))
    shapes = _place_columns(columns, BORDER + (inner - body) / 2, describe_outputs(summary["layers"][-1]["name"], items[units[-1].exit]))
    foot = BORDER + HEAD + max(column.height for column in columns)
    signs, deep = make_legend(items, units, BORDER, foot + BELOW, inner)
    return Page(inner + 2 * BORDER, foot + BELOW + deep + BORDER, tuple(_sort_by_depth([*title, *shapes, *signs])), tuple(items), tuple(units))


def _make_boxes(items: Sequence[Item], units: Sequence[Unit]) -> list[Box]:
    texts = [items[index].text for unit in units for index in unit.items if items[index].kind != MERGE]
    names = [describe_unit(items, unit) for unit in units]
    groups = [describe_group(items, [unit]) for unit in units if unit.label[0]]
    # Half of the width also has room for the caption left of the line into a box.
    halves = [*(measure_text(name, SMALL) for name in names), *(measure_text(name, NAME, "bold") for name in groups)]
    spine = max([*map(measure_pill, texts), *(2 * half for half in halves)])
    boxes = [lay_out_box(items, unit, spine, unit.count > 1 or bool(describe_unit(items, unit))) for unit in units]
    return label_shapes(items, boxes, [describe_output_shape(items, unit) for unit in units])


def _make_columns(items: Sequence[Item], boxes: Sequence[Box]) -> list[BoxColumn]:
    edges = find_far_edges(items, boxes)
    groups = [box.unit.label[0] for box in boxes]
    torn = [False, *(after != "" and after == before for before, after in pairwise(groups))]
    parts = break_columns(
        len(boxes),
        lambda first, end: measure_column_height(boxes[first:end]),
        lambda first, end: measure_column_width(items, boxes[first:end], edges) + GUTTER,
        torn,
    )
    return [make_column(items, boxes[first:end], edges) for first, end in parts]


def _place_columns(columns: Sequence[BoxColumn], left: float, name: str) -> list[Shape]:
    """Put columns side by side and connect the foot of each to the head of the next."""
    spines: list[float] = []
    for column in columns:
        spines.append(left + column.left)
        left += column.width + GUTTER
    top = BORDER + HEAD
    shapes = [move_shape(shape, x, top) for column, x in zip(columns, spines, strict=True) for shape in column.shapes]
    for (column, x), (following, to) in pairwise(zip(columns, spines, strict=True)):
        between = to - following.left - GUTTER / 2
        path = ((x, column.end), (x, column.height), (between, column.height), (between, 0.0), (to, 0.0), (to, following.begin))
        shapes += [move_shape(Wire(path, False, True), 0.0, top)] if following.follows else []
    return [*shapes, *(move_shape(shape, spines[-1], top) for shape in _draw_outputs(columns[-1], name))]


def _draw_outputs(column: BoxColumn, name: str) -> list[Shape]:
    """Draw the arrow out of the last box and the name of the outputs."""
    return [Wire(((0.0, column.end), (0.0, column.height + OUT)), False, True), Note(0.0, column.height + OUT + 7, name, SMALL, "center", "bold")]


def _make_title(summary: Mapping[str, Any]) -> list[Note]:
    name = Note(BORDER, BORDER + 8, summary["name"], TITLE, "left", "bold")
    return [name, Note(BORDER, BORDER + 24, describe_size(summary), LINE, "left")]


def _sort_by_depth(shapes: Sequence[Shape]) -> list[Shape]:
    """Put frames behind boxes, boxes behind lines, lines behind text."""
    order = (Plate, Slab, Wire, Dot, Pill, Mark, Note)
    return sorted(shapes, key=lambda shape: (order.index(type(shape)), not getattr(shape, "frame", False), getattr(shape, "shortcut", False)))
