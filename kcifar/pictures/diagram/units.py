"""Items gathered to units: what is drawn as one box, in the order of the flow."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.items import Item, make_items
from kcifar.pictures.diagram.labels import UNNAMED, Label, labels_of, no_labels
from kcifar.pictures.diagram.words import MERGE, POOLING, Row

MAX_LINES = 4  # of a box that no name holds together


@dataclass(frozen=True)
class Unit:
    """A block of the network.

    Attributes:
        label: Group and block; a part of a group that is no block has an empty block.
        items: Indices of its items, in order.
        entry: The item of the unit before that it follows, or None.
        exit: Its item that the next unit follows.
        blocks: The items of each block that it stands for, when equal blocks are folded; the last is drawn.
    """

    label: Label
    items: tuple[int, ...]
    entry: int | None
    exit: int
    blocks: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """How many equal blocks it stands for."""
        return len(self.blocks)


def arrange(rows: Sequence[Row]) -> tuple[list[Item], list[Unit]]:
    """Join layers to items and gather these by the blocks that the layers are named after.

    What has no such name is cut where a single tensor passes; so is everything if blocks of those names would need one another.
    """
    items = make_items(rows, labels_of(rows))
    ordered = _ordered(items, _homes(items))
    if ordered is None:
        items = make_items(rows, no_labels(rows))
        ordered = _ordered(items, _homes(items)) or []
    return items, _linked(items, [piece for members in ordered for piece in _pieces(items, members)])


def consumers_of(items: Sequence[Item]) -> list[list[int]]:
    """Return for each item the items that take from it."""
    found: list[list[int]] = [[] for _ in items]
    for index, item in enumerate(items):
        for source in item.inputs:
            found[source].append(index)
    return found


def _homes(items: Sequence[Item]) -> list[int]:
    """Number the units: a block, stem or head is one; the rest of a group is as many as the blocks in between make of it."""
    numbers: dict[tuple[Label, int], int] = {}
    homes: list[int] = []
    labels: list[Label] = []
    for item in items:
        before = max((homes[source] for source in item.inputs), default=-1)
        named = item.label[1] != "" and item.label != UNNAMED
        key = (item.label, -1) if named else (item.label, before)
        if not named and before >= 0 and labels[before] == item.label:
            homes.append(before)
            continue
        if key not in numbers:
            numbers[key] = len(labels)
            labels.append(item.label)
        homes.append(numbers[key])
    return homes


def _ordered(items: Sequence[Item], homes: Sequence[int]) -> list[list[int]] | None:
    """Return the items of each unit, units in the order of the flow; None if two units need each other."""
    members: dict[int, list[int]] = {}
    for index, home in enumerate(homes):
        members.setdefault(home, []).append(index)
    needs = {home: {homes[source] for index in own for source in items[index].inputs} - {home} for home, own in members.items()}
    ready = [(own[0], home) for home, own in members.items() if not needs[home]]
    done: list[int] = []
    while ready:
        _, home = heapq.heappop(ready)
        done.append(home)
        for other, wanted in needs.items():
            if home in wanted:
                wanted.discard(home)
                if not wanted:
                    heapq.heappush(ready, (members[other][0], other))
    return [members[home] for home in done] if len(done) == len(members) else None


def _pieces(items: Sequence[Item], members: Sequence[int]) -> Iterable[list[int]]:
    """Cut a unit without a name where a single tensor passes; a few operations in a row, up to a pooling, stay together."""
    if items[members[0]].label != UNNAMED:
        return [list(members)]
    pieces: list[list[int]] = []
    for segment in _segments(items, members):
        if pieces and _joins(items, pieces[-1], segment):
            pieces[-1].extend(segment)
        else:
            pieces.append(list(segment))
    return pieces


def _joins(items: Sequence[Item], piece: Sequence[int], segment: Sequence[int]) -> bool:
    if len(segment) == 1 and items[segment[0]].minor:
        return True
    last = items[piece[-1]]
    ends = last.kind == POOLING and len(last.shape) > 1  # a global one begins the head
    branches = any(items[index].kind == MERGE for index in (*piece, *segment))
    return len(piece) + len(segment) <= MAX_LINES and not branches and not ends


def _segments(items: Sequence[Item], members: Sequence[int]) -> list[list[int]]:
    """Cut behind every item that alone gives something to what follows."""
    inside, consumers = set(members), consumers_of(items)
    last = {index: max((other for other in consumers[index] if other in inside), default=-1) for index in members}
    segments: list[list[int]] = [[]]
    reaching = -1  # the last item that takes from one before the present
    for index in members:
        segments[-1].append(index)
        if reaching <= index and index != members[-1]:
            segments.append([])
        reaching = max(reaching, last[index])
    return segments


def _linked(items: Sequence[Item], pieces: Sequence[Sequence[int]]) -> list[Unit]:
    """Say where each unit is entered and left."""
    units: list[Unit] = []
    consumers = consumers_of(items)
    for position, piece in enumerate(pieces):
        following = pieces[position + 1] if position + 1 < len(pieces) else ()
        taken = [source for index in following for source in items[index].inputs if source in piece]
        outer = [index for index in piece if not set(consumers[index]) <= set(piece)]
        leaves = max(taken or outer or piece)
        entry = units[-1].exit if units else None
        enters = entry if any(entry in items[index].inputs for index in piece) else None
        label = items[piece[0]].label
        units.append(Unit(label, tuple(piece), enters, leaves, (tuple(piece),)))
    return units
