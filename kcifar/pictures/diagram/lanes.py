"""Long shortcuts past other blocks, drawn on the left of a column; one from another column is a tag with the name of its source."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.boxes import PILL, Box, measure_pill
from kcifar.pictures.diagram.branches import Edge
from kcifar.pictures.diagram.captions import name_block
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.shapes import Dot, Pill, Point, Shape, Wire
from kcifar.pictures.diagram.words import IMAGES

LANE, FIRST = 9.0, 10.0  # points between lanes, and from the boxes to the first
JOINT = 6.0  # below a box, where a lane leaves the main path


@dataclass(frozen=True)
class Lane:
    """A line with one source and some targets.

    Attributes:
        source: The item that it begins at.
        targets: Items of this column that it leads to.
        begin: Height at which it leaves its source; None if that is in another column.
        end: Height of its last target.
        inside: Whether it leaves from the side of an item in a box, and not from the path below the box.
    """

    source: int
    targets: tuple[int, ...]
    begin: float | None
    end: float
    inside: bool


def find_far_edges(items: Sequence[Item], boxes: Iterable[Box]) -> list[Edge]:
    """Return the (source, target) items of all edges that neither stay in a block nor lead from one block to the next."""
    return [
        (source, index)
        for box in boxes
        for index in box.unit.items
        for source in items[index].inputs
        if source not in box.unit.items and source != box.unit.entry
    ]


def make_lanes(boxes: Sequence[Box], tops: Sequence[float], edges: Sequence[Edge]) -> list[list[Lane]]:
    """Gather a column's long shortcuts by source and put those that do not overlap into one track, short ones first.

    The last list has the shortcuts from other columns.
    """
    heights = {index: top + place.y for box, top in zip(boxes, tops, strict=True) for index, place in box.places.items()}
    linked = [box.unit.entry for box in boxes[1:]]
    below = {box.unit.exit: top + box.height + JOINT for box, top in zip(boxes, tops, strict=True) if box.unit.exit in linked}
    lanes: list[Lane] = []
    for source in dict.fromkeys(source for source, target in edges if target in heights):
        targets = tuple(target for origin, target in edges if origin == source and target in heights)
        begin = below.get(source, heights.get(source))
        lanes.append(Lane(source, targets, begin, max(heights[target] for target in targets), source not in below))
    tracks: list[list[Lane]] = []
    for lane in sorted((lane for lane in lanes if lane.begin is not None), key=lambda lane: lane.end - (lane.begin or 0.0)):
        free = next((track for track in tracks if all(_is_apart(lane, placed) for placed in track)), None)
        if free is None:
            tracks.append([lane])
        else:
            free.append(lane)
    return [*tracks, [lane for lane in lanes if lane.begin is None]]


def measure_lanes(items: Sequence[Item], tracks: Sequence[Sequence[Lane]]) -> float:
    """Return the width of the lanes on the left of a column."""
    *near, tagged = tracks
    tags = max((measure_pill(text) + FIRST for text in _make_tags(items, tagged).values()), default=0.0)
    return max(tags, FIRST + LANE * len(near) if near else 0.0)


def draw_lanes(items: Sequence[Item], boxes: Sequence[Box], tops: Sequence[float], tracks: Sequence[Sequence[Lane]], left: float) -> list[Shape]:
    """Draw the long shortcuts of a column, whose boxes and frames extend `left` to the left of the spine."""
    places = {index: (place.x - place.reach, top + place.y) for box, top in zip(boxes, tops, strict=True) for index, place in box.places.items()}
    *near, tagged = tracks
    shapes: list[Shape] = []
    for number, track in enumerate(near):
        across = -left - FIRST - LANE * number
        for lane in track:
            begin = places[lane.source] if lane.inside else (0.0, lane.begin or 0.0)
            shapes += [] if lane.inside else [Dot(*begin)]
            shapes += [_make_wire((begin, (across, begin[1]), (across, places[target][1]), places[target]), lane, target) for target in lane.targets]
    for target, text in _make_tags(items, tagged).items():
        edge, y = -left - FIRST, places[target][1]
        shapes.append(Pill(edge - measure_pill(text) / 2, y, measure_pill(text), PILL, text, IMAGES, -1))
        shapes += [_make_wire(((edge, y), places[target]), lane, target) for lane in tagged if target in lane.targets]
    return shapes


def _make_tags(items: Sequence[Item], lanes: Sequence[Lane]) -> dict[int, str]:
    """Return for each target the tag of its shortcuts from other columns: where they begin."""
    names: dict[int, list[str]] = {}
    for lane in lanes:
        for target in lane.targets:
            names.setdefault(target, []).append(name_block(items, lane.source))
    return {target: f"from {', '.join(dict.fromkeys(sources))}" for target, sources in names.items()}


def _make_wire(points: tuple[Point, ...], lane: Lane, target: int) -> Wire:
    return Wire(points, True, True, ((lane.source, target),))


def _is_apart(first: Lane, second: Lane) -> bool:
    return first.end < (second.begin or 0.0) or second.end < (first.begin or 0.0)
