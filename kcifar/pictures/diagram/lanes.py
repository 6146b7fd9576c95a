"""Long shortcuts: from a block past others, on the left of a column; from another column they come as its name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.boxes import PILL, Box, pill_width
from kcifar.pictures.diagram.branches import Edge
from kcifar.pictures.diagram.captions import block_name
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.shapes import Dot, Pill, Point, Shape, Wire
from kcifar.pictures.diagram.words import IMAGES

LANE, FIRST = 9.0, 10.0  # points between lanes, and from the boxes to the first
JOINT = 6.0  # below a box, where a lane leaves the way on


@dataclass(frozen=True)
class Lane:
    """A line with one source and some targets.

    Attributes:
        source: The item that it comes from.
        targets: Items of this column that it leads to.
        begin: Where it leaves its source; None if that is in another column.
        end: Where its last target is.
        inside: Whether it leaves a box from the side of an item, and not the way below the box.
    """

    source: int
    targets: tuple[int, ...]
    begin: float | None
    end: float
    inside: bool


def far_edges(items: Sequence[Item], boxes: Iterable[Box]) -> list[Edge]:
    """Return the (source, target) items of all edges that neither stay in a block nor lead from one to the next."""
    return [
        (source, index)
        for box in boxes
        for index in box.unit.items
        for source in items[index].inputs
        if source not in box.unit.items and source != box.unit.entry
    ]


def lanes_of(boxes: Sequence[Box], tops: Sequence[float], edges: Sequence[Edge]) -> list[list[Lane]]:
    """Gather a column's long shortcuts by source and put those that do not overlap into one lane, short ones first."""
    heights = {index: top + place.y for box, top in zip(boxes, tops, strict=True) for index, place in box.places.items()}
    linked = [box.unit.entry for box in boxes[1:]]
    below = {box.unit.exit: top + box.height + JOINT for box, top in zip(boxes, tops, strict=True) if box.unit.exit in linked}
    found: list[Lane] = []
    for source in dict.fromkeys(source for source, target in edges if target in heights):
        targets = tuple(target for origin, target in edges if origin == source and target in heights)
        begin = below.get(source, heights.get(source))
        found.append(Lane(source, targets, begin, max(heights[target] for target in targets), source not in below))
    tracks: list[list[Lane]] = []
    for lane in sorted((lane for lane in found if lane.begin is not None), key=lambda lane: lane.end - (lane.begin or 0.0)):
        free = next((track for track in tracks if all(_apart(lane, other) for other in track)), None)
        if free is None:
            tracks.append([lane])
        else:
            free.append(lane)
    return [*tracks, [lane for lane in found if lane.begin is None]]


def lanes_width(items: Sequence[Item], tracks: Sequence[Sequence[Lane]]) -> float:
    """Return the room that the lanes take on the left of a column."""
    *near, tagged = tracks
    tags = max((pill_width(text) + FIRST for text in _tags(items, tagged).values()), default=0.0)
    return max(tags, FIRST + LANE * len(near) if near else 0.0)


def lane_shapes(items: Sequence[Item], boxes: Sequence[Box], tops: Sequence[float], tracks: Sequence[Sequence[Lane]], left: float) -> list[Shape]:
    """Draw the long shortcuts of a column, whose boxes and frames reach `left` to the left of the spine."""
    places = {index: (place.x - place.reach, top + place.y) for box, top in zip(boxes, tops, strict=True) for index, place in box.places.items()}
    *near, tagged = tracks
    shapes: list[Shape] = []
    for number, track in enumerate(near):
        across = -left - FIRST - LANE * number
        for lane in track:
            begin = places[lane.source] if lane.inside else (0.0, lane.begin or 0.0)
            shapes += [] if lane.inside else [Dot(*begin)]
            shapes += [_wire((begin, (across, begin[1]), (across, places[target][1]), places[target]), lane, target) for target in lane.targets]
    for target, text in _tags(items, tagged).items():
        edge, y = -left - FIRST, places[target][1]
        shapes.append(Pill(edge - pill_width(text) / 2, y, pill_width(text), PILL, text, IMAGES, -1))
        shapes += [_wire(((edge, y), places[target]), lane, target) for lane in tagged if target in lane.targets]
    return shapes


def _tags(items: Sequence[Item], lanes: Sequence[Lane]) -> dict[int, str]:
    """Return for each target what its shortcuts from other columns are called: where they begin."""
    names: dict[int, list[str]] = {}
    for lane in lanes:
        for target in lane.targets:
            names.setdefault(target, []).append(block_name(items, lane.source))
    return {target: f"from {', '.join(dict.fromkeys(found))}" for target, found in names.items()}


def _wire(points: tuple[Point, ...], lane: Lane, target: int) -> Wire:
    return Wire(points, True, True, ((lane.source, target),))


def _apart(one: Lane, other: Lane) -> bool:
    return one.end < (other.begin or 0.0) or other.end < (one.begin or 0.0)
