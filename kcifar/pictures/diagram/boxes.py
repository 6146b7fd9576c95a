"""The inside of one block: its main path from top to bottom, branches on both sides, each in a track of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.branches import Branch, find_branches, find_spine, steps
from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.shapes import Dot, Mark, Pill, Point, Shape, Wire
from kcifar.pictures.diagram.units import Unit
from kcifar.pictures.diagram.words import MERGE
from kcifar.pictures.text_width import LINE, text_width

PILL, RADIUS, GAP, MARGIN, CAPTION = 14.0, 5.5, 8.0, 8.0, 12.0  # heights and distances in points
TRACK = 10.0  # between two tracks, and the width of one without operations
TURN = 7.0  # what a rounded corner needs


@dataclass(frozen=True)
class Box:
    """A block laid out: the spine is at x = 0, the top at y = 0.

    Attributes:
        unit: What it shows.
        shapes: Inside of it.
        left: How far it reaches to the left of the spine, and `right` to the right.
        height: From top to bottom.
        places: Its pills and marks by item.
        before: What is written at the line that leads to it: a shape that has changed, or nothing.
        given: That shape.
    """

    unit: Unit
    shapes: tuple[Shape, ...]
    left: float
    right: float
    height: float
    places: Mapping[int, Pill | Mark]
    before: str = ""
    given: tuple[int, ...] = ()


def pill_width(text: str) -> float:
    """Return the width of a line of text with its box."""
    return text_width(text, LINE) + 14


def lay_out(items: Sequence[Item], unit: Unit, width: float, has_caption: bool) -> Box:
    """Lay a block out.

    Args:
        items: All items of the network.
        unit: The block.
        width: Of the boxes on the main path.
        has_caption: Whether room for words is left on top.
    """
    spine = find_spine(items, unit)
    branches = find_branches(items, unit, spine)
    top = MARGIN + (CAPTION if has_caption else 0.0)
    middles = _middles(items, unit, branches, top)
    joints = {index: middles[index] + _height(items[index]) / 2 + GAP / 2 for index in unit.items}
    if unit.entry is not None:
        joints[unit.entry] = top - GAP / 2
    spans = [_span(branch, middles, joints) for branch in branches]
    left, beside_left = _across(items, branches, spans, -1, width)
    right, beside_right = _across(items, branches, spans, 1, width)
    across = beside_left | beside_right
    places = {index: _place(items, index, 0.0, middles[index], width) for index in spine}
    for number, branch in enumerate(branches):
        places |= {index: _place(items, index, across[number], middles[index], pill_width(items[index].text)) for index in branch.items}
    shapes: list[Shape] = [*places.values(), *_steps(items, unit, spine, places)]
    for number, branch in enumerate(branches):
        shapes += _branch_shapes(branch, across[number], places, joints)
    bottom = max(place.y + place.height / 2 for place in places.values())
    return Box(unit, tuple(shapes), left + MARGIN, right + MARGIN, bottom + MARGIN, places)


def _across(
    items: Sequence[Item], branches: Sequence[Branch], spans: Sequence[tuple[float, float]], side: int, width: float
) -> tuple[float, dict[int, float]]:
    """Give each branch of one side (-1 left, 1 right) its x; return how far they reach, too."""
    reach = width / 2
    found: dict[int, float] = {}
    for track in _tracks([number for number, branch in enumerate(branches) if branch.far == (side < 0)], spans):
        room = max([TRACK, *(pill_width(items[index].text) for number in track for index in branches[number].items)])
        found |= dict.fromkeys(track, side * (reach + TRACK + room / 2))
        reach += TRACK + room
    return reach, found


def _middles(items: Sequence[Item], unit: Unit, branches: Sequence[Branch], top: float) -> dict[int, float]:
    """Place each item below what it takes from; a branch that is shorter than what it goes around stands in the middle of its way."""
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
    return middles | _centred(items, branches, middles)


def _centred(items: Sequence[Item], branches: Sequence[Branch], middles: Mapping[int, float]) -> dict[int, float]:
    """Return where branches stand that nothing else hangs on."""
    hung = {end for branch in branches for end in (branch.source, branch.target)}
    found: dict[int, float] = {}
    for branch in branches:
        if branch.items and branch.target is not None and not hung & set(branch.items):
            slack = middles[branch.target] - TURN - middles[branch.items[-1]] - _height(items[branch.items[-1]]) / 2
            found |= {index: middles[index] + slack / 2 for index in branch.items}
    return found


def _span(branch: Branch, middles: Mapping[int, float], joints: Mapping[int, float]) -> tuple[float, float]:
    """Return where a branch begins and ends."""
    begin = middles[branch.items[0]] - PILL if branch.source is None else joints[branch.source]
    return begin, joints[branch.items[-1]] if branch.target is None else middles[branch.target]


def _tracks(numbers: Sequence[int], spans: Sequence[tuple[float, float]]) -> list[list[int]]:
    """Put branches that lie below one another into one track, short ones nearest to the spine."""
    tracks: list[list[int]] = []
    for number in sorted(numbers, key=lambda number: (spans[number][1] - spans[number][0], spans[number][0])):
        begin, end = spans[number]
        free = next((track for track in tracks if all(end <= spans[other][0] or spans[other][1] <= begin for other in track)), None)
        if free is None:
            tracks.append([number])
        else:
            free.append(number)
    return tracks


def _place(items: Sequence[Item], index: int, x: float, y: float, width: float) -> Pill | Mark:
    item = items[index]
    if item.kind == MERGE:
        return Mark(x, y, RADIUS, item.text, index)
    return Pill(x, y, pill_width(item.text) if item.minor else width, PILL, item.text, item.kind, index)


def _height(item: Item) -> float:
    return 2 * RADIUS if item.kind == MERGE else PILL


def _branch_shapes(branch: Branch, x: float, places: Mapping[int, Pill | Mark], joints: Mapping[int, float]) -> list[Shape]:
    """Draw a branch at x: from its joint, through its operations, into the side of what it goes to."""
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


def _steps(items: Sequence[Item], unit: Unit, spine: Sequence[int], places: Mapping[int, Pill | Mark]) -> list[Shape]:
    """Draw the steps from one item of the main path to the next, and from the box's top to the first."""
    shapes: list[Shape] = []
    for source, index in steps(items, unit, spine):
        begin = places[source].y + places[source].height / 2 if source in places else 0.0
        shapes.append(Wire(((0.0, begin), (0.0, places[index].y - places[index].height / 2)), False, False, ((source, index),)))
    return shapes
