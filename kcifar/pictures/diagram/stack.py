"""One column of a page: boxes below one another, frames around groups, shapes where they change, long shortcuts on the left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kcifar.pictures.diagram.boxes import Box
from kcifar.pictures.diagram.branches import Edge
from kcifar.pictures.diagram.captions import caption, group_caption
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.lanes import lane_shapes, lanes_of, lanes_width
from kcifar.pictures.diagram.shapes import Note, Plate, Shape, Slab, Wire, moved
from kcifar.pictures.text_width import LINE, NAME, SMALL, text_width

STEP, LABELLED, FRAME, HEADER = 14.0, 29.0, 7.0, 13.0  # distances in points: between boxes, with a shape in between; around groups
BESIDE = 7.0  # from the spine to what is written beside it
SMALLEST, GROWTH, LARGEST, DEPTH = 2.0, 2.2, 49, 1.0  # of a slab, in points: side 2 + 2.2 √pixels, depth log2 of channels
COPY = 2.2  # how far each copy behind a folded block stands out
COPIES = 2


@dataclass(frozen=True)
class Column:
    """Boxes laid out below one another: their common spine is at x = 0, the top at y = 0.

    Attributes:
        shapes: Everything in it.
        left: How far it reaches to the left of the spine.
        width: Of the whole, and `height`.
        enters: Where the first box begins.
        leaves: Where the last item on the way ends.
        follows: Whether the first box takes from the last of the column before.
    """

    shapes: tuple[Shape, ...]
    left: float
    width: float
    height: float
    enters: float
    leaves: float
    follows: bool


def column_of(items: Sequence[Item], boxes: Sequence[Box], edges: Sequence[Edge]) -> Column:
    """Lay some boxes out below one another.

    Args:
        items: All items of the network.
        boxes: Of this column.
        edges: The long shortcuts of the whole network.
    """
    tops, height = _tops(boxes)
    left, right = _reach(boxes)
    tracks = lanes_of(boxes, tops, edges)
    shapes = [shape for box, top, ends in zip(boxes, tops, _ends(boxes), strict=True) for shape in _box_shapes(items, box, top, *ends)]
    shapes += _frame_shapes(items, boxes, tops, left, right)
    shapes += _ways(boxes, tops)
    shapes += lane_shapes(items, boxes, tops, tracks, left)
    outer = left + lanes_width(items, tracks)
    return Column(tuple(shapes), outer, outer + right, height, tops[0], tops[-1] + _end_of_way(boxes[-1]), boxes[0].unit.entry is not None)


def column_height(boxes: Sequence[Box]) -> float:
    """Return the height of a column without laying it out."""
    return _tops(boxes)[1]


def column_width(items: Sequence[Item], boxes: Sequence[Box], edges: Sequence[Edge]) -> float:
    """Return the width of a column without drawing it."""
    return sum(_reach(boxes)) + lanes_width(items, lanes_of(boxes, _tops(boxes)[0], edges))


def _group(box: Box) -> str:
    return box.unit.label[0]


def _is_bare(box: Box) -> bool:
    """Whether a block is drawn without a box: the images."""
    return box.unit.label == ("", "images")


def _tops(boxes: Sequence[Box]) -> tuple[list[float], float]:
    """Return where each box begins, and the height of the column."""
    tops: list[float] = []
    y, group = 0.0, ""
    for position, box in enumerate(boxes):
        if group and _group(box) != group:
            y += FRAME
        if position or box.before or box.unit.entry is not None:
            y += LABELLED if box.before else STEP
        if _group(box) and _group(box) != group:
            y += HEADER + FRAME
        tops.append(y)
        y, group = y + box.height, _group(box)
    return tops, y + (FRAME if group else 0.0) + STEP


def _reach(boxes: Sequence[Box]) -> tuple[float, float]:
    """Return how far boxes and frames reach to the left and to the right of the spine."""
    ends = _ends(boxes)
    frames = [FRAME if _group(box) else 0.0 for box in boxes]
    copies = [COPY * COPIES if box.unit.count > 1 and not _group(box) else 0.0 for box in boxes]
    left = max(left + frame for (left, _), frame in zip(ends, frames, strict=True))
    labels = [BESIDE + sum(_slab_size(box)) + 3 + text_width(box.before, SMALL, "bold") for box in boxes if box.before]
    return left, max([*labels, *(right + frame + more for (_, right), frame, more in zip(ends, frames, copies, strict=True))])


def _ends(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """Return how far each box reaches: those in groups, and those with branches, alike."""
    left, right = min(box.left for box in boxes), min(box.right for box in boxes)
    most_left, most_right = max(box.left for box in boxes), max(box.right for box in boxes)
    return [(most_left if _group(box) or box.left > left else left, most_right if _group(box) or box.right > right else right) for box in boxes]


def _box_shapes(items: Sequence[Item], box: Box, top: float, left: float, right: float) -> list[Shape]:
    shapes: list[Shape] = [moved(shape, 0.0, top) for shape in box.shapes]
    if _is_bare(box):
        return shapes
    folded = box.unit.count > 1
    shapes.append(Plate(-left, top, left + right, box.height, False, COPIES if folded else 0))
    shapes.append(Note(-left + 7, top + 8, caption(items, box.unit), SMALL, "left"))
    if folded:
        shapes.append(Note(right - 7, top + 9, f"×{box.unit.count}", LINE + 1, "right", "bold"))
    return shapes


def _frame_shapes(items: Sequence[Item], boxes: Sequence[Box], tops: Sequence[float], left: float, right: float) -> list[Shape]:
    """Frame the boxes of each group, with its name on top."""
    shapes: list[Shape] = []
    for group in dict.fromkeys(_group(box) for box in boxes if _group(box)):
        members = [(box, top) for box, top in zip(boxes, tops, strict=True) if _group(box) == group]
        top, bottom = members[0][1] - FRAME - HEADER, members[-1][1] + members[-1][0].height + FRAME
        shapes.append(Plate(-left, top, left + right, bottom - top, True))
        shapes.append(Note(-left + 8, top + 10, group_caption(items, [box.unit for box, _ in members]), NAME, "left", "bold"))
    return shapes


def _ways(boxes: Sequence[Box], tops: Sequence[float]) -> list[Shape]:
    """Lead from box to box, and write the shape there if it has changed."""
    shapes: list[Shape] = []
    for position, (box, top) in enumerate(zip(boxes, tops, strict=True)):
        foot = 0.0
        if position:
            before, above = boxes[position - 1], tops[position - 1]
            foot = above + before.height + (FRAME if _group(before) not in ("", _group(box)) else 0.0)
            if box.unit.entry is not None:
                shapes.append(Wire(((0.0, above + _end_of_way(before)), (0.0, top)), False, True))
        if box.before:
            shapes += _shape_label(box, foot + LABELLED / 2 + 1)
    return shapes


def _end_of_way(box: Box) -> float:
    """Return where in a box the last item of its way ends."""
    place = box.places[box.unit.exit]
    return place.y + place.height / 2


def _shape_label(box: Box, y: float) -> list[Shape]:
    """Show feature maps as a slab and write their shape beside it; other shapes are words alone."""
    side, depth = _slab_size(box)
    slabs = [Slab(BESIDE, y, side, depth)] if side else []
    return [*slabs, Note(BESIDE + side + depth + (3 if side else 0), y, box.before, SMALL, "left", "bold")]


def _slab_size(box: Box) -> tuple[float, float]:
    """Return side and depth of the slab for feature maps, 0 for what is none."""
    if len(box.given) != 3:
        return 0.0, 0.0
    return SMALLEST + GROWTH * math.sqrt(min(box.given[0], LARGEST)), DEPTH * math.log2(1 + box.given[2])


def with_labels(items: Sequence[Item], boxes: Sequence[Box], shapes: Sequence[str]) -> list[Box]:
    """Note at each box the shape that it is given where that differs from the one noted last.

    Args:
        items: All items.
        boxes: In the order of the flow.
        shapes: What each box gives, in words.
    """
    known = shapes[0] if _is_bare(boxes[0]) else ""
    labelled = [boxes[0]]
    for before, box, given in zip(boxes, boxes[1:], shapes, strict=False):
        labelled.append(replace(box, before="" if given == known or box.unit.entry is None else given, given=items[before.unit.exit].shape))
        known = given
    return labelled
