"""One column of a page: boxes, frames around groups, shapes where they change, long shortcuts on the left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kcifar.pictures.diagram.boxes import Box
from kcifar.pictures.diagram.branches import Edge
from kcifar.pictures.diagram.captions import describe_group, describe_unit
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.lanes import draw_lanes, make_lanes, measure_lanes
from kcifar.pictures.diagram.shapes import LINE, NAME, SMALL, Note, Plate, Shape, Slab, Wire, move_shape
from kcifar.pictures.text import measure_text

STEP, LABELED, FRAME, HEADER = 14.0, 29.0, 7.0, 13.0  # distances in points: between boxes, with a shape in between; around groups
ASIDE = 7.0  # from the spine to the text next to it
SMALLEST, GROWTH, LARGEST, DEPTH = 2.0, 2.2, 49, 1.0  # of a slab, in points: side 2 + 2.2 √pixels, depth log2 of channels
COPY = 2.2  # how far each copy behind a folded block protrudes
COPIES = 2


@dataclass(frozen=True)
class BoxColumn:
    """Boxes from top to bottom: their common spine is at x = 0, the top at y = 0.

    Attributes:
        shapes: Everything in it.
        left: How far it extends to the left of the spine.
        width: Of the column, and `height`.
        begin: Top of the first box.
        end: Bottom of the last item on the main path.
        follows: Whether the last box of the previous column feeds the first box.
    """

    shapes: tuple[Shape, ...]
    left: float
    width: float
    height: float
    begin: float
    end: float
    follows: bool


def make_column(items: Sequence[Item], boxes: Sequence[Box], edges: Sequence[Edge]) -> BoxColumn:
    """Lay some boxes out from top to bottom.

    Args:
        items: All items of the network.
        boxes: Of this column.
        edges: The long shortcuts of the entire network.
    """
    tops, height = _place_boxes(boxes)
    left, right = _measure_reach(boxes)
    tracks = make_lanes(boxes, tops, edges)
    shapes = [shape for box, top, ends in zip(boxes, tops, _measure_boxes(boxes), strict=True) for shape in _draw_box(items, box, top, *ends)]
    shapes += _draw_frames(items, boxes, tops, left, right)
    shapes += _draw_arrows(boxes, tops)
    shapes += draw_lanes(items, boxes, tops, tracks, left)
    outer = left + measure_lanes(items, tracks)
    return BoxColumn(tuple(shapes), outer, outer + right, height, tops[0], tops[-1] + _find_end(boxes[-1]), boxes[0].unit.entry is not None)


def measure_column_height(boxes: Sequence[Box]) -> float:
    """Return the height of a column without laying it out."""
    return _place_boxes(boxes)[1]


def measure_column_width(items: Sequence[Item], boxes: Sequence[Box], edges: Sequence[Edge]) -> float:
    """Return the width of a column without drawing it."""
    return sum(_measure_reach(boxes)) + measure_lanes(items, make_lanes(boxes, _place_boxes(boxes)[0], edges))


def _group(box: Box) -> str:
    return box.unit.label[0]


def _is_bare(box: Box) -> bool:
    """Whether a unit is drawn without a box: the images."""
    return box.unit.label == ("", "images")


def _place_boxes(boxes: Sequence[Box]) -> tuple[list[float], float]:
    """Return where each box begins, and the height of the column."""
    tops: list[float] = []
    y, group = 0.0, ""
    for position, box in enumerate(boxes):
        if group and _group(box) != group:
            y += FRAME
        if position or box.shape_label or box.unit.entry is not None:
            y += LABELED if box.shape_label else STEP
        if _group(box) and _group(box) != group:
            y += HEADER + FRAME
        tops.append(y)
        y, group = y + box.height, _group(box)
    return tops, y + (FRAME if group else 0.0) + STEP


def _measure_reach(boxes: Sequence[Box]) -> tuple[float, float]:
    """Return how far boxes and frames extend to the left and to the right of the spine."""
    ends = _measure_boxes(boxes)
    frames = [FRAME if _group(box) else 0.0 for box in boxes]
    copies = [COPY * COPIES if box.unit.count > 1 and not _group(box) else 0.0 for box in boxes]
    left = max(left + frame for (left, _), frame in zip(ends, frames, strict=True))
    labels = [ASIDE + sum(_measure_slab(box)) + 3 + measure_text(box.shape_label, SMALL, "bold") for box in boxes if box.shape_label]
    return left, max([*labels, *(right + frame + more for (_, right), frame, more in zip(ends, frames, copies, strict=True))])


def _measure_boxes(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """Return how far each box extends; boxes in groups and boxes with branches are equally wide."""
    left, right = min(box.left for box in boxes), min(box.right for box in boxes)
    most_left, most_right = max(box.left for box in boxes), max(box.right for box in boxes)
    return [(most_left if _group(box) or box.left > left else left, most_right if _group(box) or box.right > right else right) for box in boxes]


def _draw_box(items: Sequence[Item], box: Box, top: float, left: float, right: float) -> list[Shape]:
    shapes: list[Shape] = [move_shape(shape, 0.0, top) for shape in box.shapes]
    if _is_bare(box):
        return shapes
    folded = box.unit.count > 1
    shapes.append(Plate(-left, top, left + right, box.height, False, COPIES if folded else 0))
    shapes.append(Note(-left + 7, top + 8, describe_unit(items, box.unit), SMALL, "left"))
    if folded:
        shapes.append(Note(right - 7, top + 9, f"×{box.unit.count}", LINE + 1, "right", "bold"))
    return shapes


def _draw_frames(items: Sequence[Item], boxes: Sequence[Box], tops: Sequence[float], left: float, right: float) -> list[Shape]:
    """Frame the boxes of each group, with its name on top."""
    shapes: list[Shape] = []
    for group in dict.fromkeys(_group(box) for box in boxes if _group(box)):
        members = [(box, top) for box, top in zip(boxes, tops, strict=True) if _group(box) == group]
        top, bottom = members[0][1] - FRAME - HEADER, members[-1][1] + members[-1][0].height + FRAME
        shapes.append(Plate(-left, top, left + right, bottom - top, True))
        shapes.append(Note(-left + 8, top + 10, describe_group(items, [box.unit for box, _ in members]), NAME, "left", "bold"))
    return shapes


def _draw_arrows(boxes: Sequence[Box], tops: Sequence[float]) -> list[Shape]:
    """Draw the arrows from box to box, and write the shape there if it has changed."""
    shapes: list[Shape] = []
    for position, (box, top) in enumerate(zip(boxes, tops, strict=True)):
        foot = 0.0
        if position:
            before, above = boxes[position - 1], tops[position - 1]
            foot = above + before.height + (FRAME if _group(before) not in ("", _group(box)) else 0.0)
            if box.unit.entry is not None:
                shapes.append(Wire(((0.0, above + _find_end(before)), (0.0, top)), False, True))
        if box.shape_label:
            shapes += _draw_shape_label(box, foot + LABELED / 2 + 1)
    return shapes


def _find_end(box: Box) -> float:
    """Return the bottom of the last item on the main path of a box."""
    place = box.places[box.unit.exit]
    return place.y + place.height / 2


def _draw_shape_label(box: Box, y: float) -> list[Shape]:
    """Show feature maps as a slab and write their shape next to it; other shapes are text alone."""
    side, depth = _measure_slab(box)
    slabs = [Slab(ASIDE, y, side, depth)] if side else []
    return [*slabs, Note(ASIDE + side + depth + (3 if side else 0), y, box.shape_label, SMALL, "left", "bold")]


def _measure_slab(box: Box) -> tuple[float, float]:
    """Return side and depth of the slab for feature maps, 0 for any other shape."""
    if len(box.input_shape) != 3:
        return 0.0, 0.0
    return SMALLEST + GROWTH * math.sqrt(min(box.input_shape[0], LARGEST)), DEPTH * math.log2(1 + box.input_shape[2])


def label_shapes(items: Sequence[Item], boxes: Sequence[Box], shapes: Sequence[str]) -> list[Box]:
    """Label each box with the shape of its input if that differs from the last label.

    Args:
        items: All items.
        boxes: In the order of the data flow.
        shapes: Of the output of each box, in words.
    """
    known = shapes[0] if _is_bare(boxes[0]) else ""
    labeled = [boxes[0]]
    for before, box, shape in zip(boxes, boxes[1:], shapes, strict=False):
        label = "" if shape == known or box.unit.entry is None else shape
        labeled.append(replace(box, shape_label=label, input_shape=items[before.unit.exit].shape))
        known = shape
    return labeled
