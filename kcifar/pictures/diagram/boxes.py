"""The inside of one block: its main path from top to bottom, branches on both sides, each in its own track."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.branches import Branch, find_branches, find_spine, find_steps
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.shapes import LINE, Dot, Mark, Pill, Point, Shape, Wire
from kcifar.pictures.diagram.units import Unit
from kcifar.pictures.diagram.words import MERGE
from kcifar.pictures.text import measure_text

PILL, RADIUS, GAP, MARGIN, CAPTION = 14.0, 5.5, 8.0, 8.0, 12.0  # heights and distances in points
TRACK = 10.0  # between two tracks, and the width of one without operations
TURN = 7.0  # room for a rounded corner


@dataclass(frozen=True)
class Box:
    """A block laid out: the spine is at x = 0, the top at y = 0.

    Attributes:
        unit: The block that it shows.
        shapes: Inside it.
        left: How far it extends to the left of the spine, and `right` to the right.
        height: From top to bottom.
        places: Its pills and marks by item.
        shape_label: Text at the line that leads to it: the shape of its input if that has changed, or nothing.
        input_shape: That shape.
    """

    unit: Unit
    shapes: tuple[Shape, ...]
    left: float
    right: float
    height: float
    places: Mapping[int, Pill | Mark]
    shape_label: str = ""
    input_shape: tuple[int, ...] = ()


def measure_pill(text: str) -> float:
    """Return the width of a line of text with its box."""
    return measure_text(text, LINE) + 14


def lay_out_box(items: Sequence[Item], unit: Unit, width: float, has_caption: bool) -> Box:
    """Lay a block out.

    Args:
        items: All items of the network.
        unit: The block.
        width: Of the boxes on the main path.
        has_caption: Whether to leave room for a caption on top.
    """
    spine = find_spine(items, unit)
    branches = find_branches(items, unit, spine)
    top = MARGIN + (CAPTION if has_caption else 0.0)
    middles = _place_items(items, unit, branches, top)
    joints = {index: middles[index] + _height(items[index]) / 2 + GAP / 2 for index in unit.items}
    if unit.entry is not None:
        joints[unit.entry] = top - GAP / 2
    spans = [_find_span(branch, middles, joints) for branch in branches]
    left, left_centers = _place_branches(items, branches, spans, -1, width)
    right, right_centers = _place_branches(items, branches, spans, 1, width)
    centers = left_centers | right_centers
    places = {index: _make_sign(items, index, 0.0, middles[index], width) for index in spine}
    for number, branch in enumerate(branches):
        places |= {index: _make_sign(items, index, centers[number], middles[index], measure_pill(items[index].text)) for index in branch.items}
    shapes: list[Shape] = [*places.values(), *_draw_steps(items, unit, spine, places)]
    for number, branch in enumerate(branches):
        shapes += _draw_branch(branch, centers[number], places, joints)
    bottom = max(place.y + place.height / 2 for place in places.values())
    return Box(unit, tuple(shapes), left + MARGIN, right + MARGIN, bottom + MARGIN, places)


def _place_branches(
    items: Sequence[Item], branches: Sequence[Branch], spans: Sequence[tuple[float, float]], side: int, width: float
) -> tuple[float, dict[int, float]]:
    """Return how far the branches of one side (-1 left, 1 right) extend, and the x of each."""
    reach = width / 2
    centers: dict[int, float] = {}
    for track in _make_tracks([number for number, branch in enumerate(branches) if branch.far == (side < 0)], spans):
        room = max([TRACK, *(measure_pill(items[index].text) for number in track for index in branches[number].items)])
        centers |= dict.fromkeys(track, side * (reach + TRACK + room / 2))
        reach += TRACK + room
    return reach, centers


def _place_items(items: Sequence[Item], unit: Unit, branches: Sequence[Branch], top: float) -> dict[int, float]:
    """Place each item below those that feed it; a branch that is shorter than what it goes around is centered."""
    turns = {branch.items[0]: GAP / 2 + TURN for branch in branches if branch.items and branch.source is not None}
    ends = {branch.edges[-1] for branch in branches if branch.items and branch.target is not None}
    bottoms = {unit.entry: top - GAP}
    middles: dict[int, float] = {}
    for index in unit.items:
        half = _height(items[index]) / 2
        least = [top + half]
        for source in items[index].inputs:
            if source in bottoms:
                least.append(bottoms[source] + (TURN if (source, index) in ends else turns.get(index, GAP) + half))
        middles[index] = max(least)
        bottoms[index] = middles[index] + half
    return middles | _center_branches(items, branches, middles)


def _center_branches(items: Sequence[Item], branches: Sequence[Branch], middles: Mapping[int, float]) -> dict[int, float]:
    """Return the places of the branches that no other branch begins or ends at."""
    ends = {end for branch in branches for end in (branch.source, branch.target)}
    centered: dict[int, float] = {}
    for branch in branches:
        if branch.items and branch.target is not None and not ends & set(branch.items):
            slack = middles[branch.target] - TURN - middles[branch.items[-1]] - _height(items[branch.items[-1]]) / 2
            centered |= {index: middles[index] + slack / 2 for index in branch.items}
    return centered


def _find_span(branch: Branch, middles: Mapping[int, float], joints: Mapping[int, float]) -> tuple[float, float]:
    """Return where a branch begins and ends."""
    begin = middles[branch.items[0]] - PILL if branch.source is None else joints[branch.source]
    return begin, joints[branch.items[-1]] if branch.target is None else middles[branch.target]


def _make_tracks(numbers: Sequence[int], spans: Sequence[tuple[float, float]]) -> list[list[int]]:
    """Put branches that do not overlap into one track, short ones nearest to the spine."""
    tracks: list[list[int]] = []
    for number in sorted(numbers, key=lambda number: (spans[number][1] - spans[number][0], spans[number][0])):
        begin, end = spans[number]
        free = next((track for track in tracks if all(end <= spans[placed][0] or spans[placed][1] <= begin for placed in track)), None)
        if free is None:
            tracks.append([number])
        else:
            free.append(number)
    return tracks


def _make_sign(items: Sequence[Item], index: int, x: float, y: float, width: float) -> Pill | Mark:
    item = items[index]
    if item.kind == MERGE:
        return Mark(x, y, RADIUS, item.text, index)
    return Pill(x, y, measure_pill(item.text) if item.minor else width, PILL, item.text, item.kind, index)


def _height(item: Item) -> float:
    return 2 * RADIUS if item.kind == MERGE else PILL


def _draw_branch(branch: Branch, x: float, places: Mapping[int, Pill | Mark], joints: Mapping[int, float]) -> list[Shape]:
    """Draw a branch at x: from its joint, through its operations, into the side of its target."""
    shapes: list[Shape] = []
    way: list[Point] = []
    if branch.source is not None:
        begin = places[branch.source].x if branch.source in places else 0.0
        way = [(begin, joints[branch.source]), (x, joints[branch.source])]
        shapes.append(Dot(*way[0]))
    for index in branch.items:
        place = places[index]
        if way:
            shapes.append(Wire((*way, (x, place.y - place.height / 2)), True, False, branch.edges))
        way = [(x, place.y + place.height / 2)]
    if branch.target is not None:
        target = places[branch.target]
        side = 1 if x > target.x else -1
        shapes.append(Wire((*way, (x, target.y), (target.x + side * target.reach, target.y)), True, True, branch.edges))
    return shapes


def _draw_steps(items: Sequence[Item], unit: Unit, spine: Sequence[int], places: Mapping[int, Pill | Mark]) -> list[Shape]:
    """Draw the steps from one item of the main path to the next, and from the box's top to the first."""
    shapes: list[Shape] = []
    for source, index in find_steps(items, unit, spine):
        begin = places[source].y + places[source].height / 2 if source in places else 0.0
        shapes.append(Wire(((0.0, begin), (0.0, places[index].y - places[index].height / 2)), False, False, ((source, index),)))
    return shapes
