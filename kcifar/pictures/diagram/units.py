"""Items gathered to units, each drawn as one box, in the order of the data flow."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.items import Item, make_items
from kcifar.pictures.diagram.labels import UNNAMED, Label, clear_labels, read_labels
from kcifar.pictures.diagram.words import MERGE, POOLING, LayerSummary

MAX_LINES = 4  # of a box whose items have no common name


@dataclass(frozen=True)
class Unit:
    """A block of the network.

    Attributes:
        label: Group and block; the block is empty for a part of a group that is not a block.
        items: Indices of its items, in order.
        entry: The item of the previous unit that feeds it, or None.
        exit: Its item that feeds the next unit.
        blocks: The items of each block that it represents, when equal blocks are folded; the last is drawn.
    """

    label: Label
    items: tuple[int, ...]
    entry: int | None
    exit: int
    blocks: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """How many equal blocks it represents."""
        return len(self.blocks)


def make_units(rows: Sequence[LayerSummary]) -> tuple[list[Item], list[Unit]]:
    """Join layers to items and gather these into the blocks that the layers are named after.

    Items without such a name are cut where a single tensor passes; so is every item if the named blocks would depend on each other.
    """
    items = make_items(rows, read_labels(rows))
    ordered = _order_units(items, _number_units(items))
    if ordered is None:
        items = make_items(rows, clear_labels(rows))
        ordered = _order_units(items, _number_units(items)) or []
    return items, _link_units(items, [piece for members in ordered for piece in _cut_unit(items, members)])


def find_consumers(items: Sequence[Item]) -> list[list[int]]:
    """Return for each item the items that it feeds."""
    consumers: list[list[int]] = [[] for _ in items]
    for index, item in enumerate(items):
        for source in item.inputs:
            consumers[source].append(index)
    return consumers


def _number_units(items: Sequence[Item]) -> list[int]:
    """Return the number of each item's unit: a block, stem or head is one; blocks divide the rest of a group into several."""
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


def _order_units(items: Sequence[Item], numbers: Sequence[int]) -> list[list[int]] | None:
    """Return the items of each unit, units in the order of the data flow; None if two units depend on each other."""
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(numbers):
        members.setdefault(unit, []).append(index)
    needs = {unit: {numbers[source] for index in indices for source in items[index].inputs} - {unit} for unit, indices in members.items()}
    ready = [(indices[0], unit) for unit, indices in members.items() if not needs[unit]]
    done: list[int] = []
    while ready:
        _, unit = heapq.heappop(ready)
        done.append(unit)
        for waiting, missing in needs.items():
            if unit in missing:
                missing.discard(unit)
                if not missing:
                    heapq.heappush(ready, (members[waiting][0], waiting))
    return [members[unit] for unit in done] if len(done) == len(members) else None


def _cut_unit(items: Sequence[Item], members: Sequence[int]) -> Iterable[list[int]]:
    """Cut a unit without a name where a single tensor passes; a few successive operations, up to a pooling, stay together."""
    if items[members[0]].label != UNNAMED:
        return [list(members)]
    pieces: list[list[int]] = []
    for segment in _cut_segments(items, members):
        if pieces and _belongs_to_piece(items, pieces[-1], segment):
            pieces[-1].extend(segment)
        else:
            pieces.append(list(segment))
    return pieces


def _belongs_to_piece(items: Sequence[Item], piece: Sequence[int], segment: Sequence[int]) -> bool:
    if len(segment) == 1 and items[segment[0]].minor:
        return True
    last = items[piece[-1]]
    ends = last.kind == POOLING and len(last.shape) > 1  # a global one begins the head
    branches = any(items[index].kind == MERGE for index in (*piece, *segment))
    return len(piece) + len(segment) <= MAX_LINES and not branches and not ends


def _cut_segments(items: Sequence[Item], members: Sequence[int]) -> list[list[int]]:
    """Cut after every item that alone feeds what follows."""
    inside, consumers = set(members), find_consumers(items)
    last = {index: max((consumer for consumer in consumers[index] if consumer in inside), default=-1) for index in members}
    segments: list[list[int]] = [[]]
    reaching = -1  # the last item that an item so far feeds
    for index in members:
        segments[-1].append(index)
        if reaching <= index and index != members[-1]:
            segments.append([])
        reaching = max(reaching, last[index])
    return segments


def _link_units(items: Sequence[Item], pieces: Sequence[Sequence[int]]) -> list[Unit]:
    """Find where each unit is entered and left."""
    units: list[Unit] = []
    consumers = find_consumers(items)
    for position, piece in enumerate(pieces):
        following = pieces[position + 1] if position + 1 < len(pieces) else ()
        taken = [source for index in following for source in items[index].inputs if source in piece]
        outer = [index for index in piece if not set(consumers[index]) <= set(piece)]
        leave = max(taken or outer or piece)
        entry = units[-1].exit if units else None
        enter = entry if any(entry in items[index].inputs for index in piece) else None
        label = items[piece[0]].label
        units.append(Unit(label, tuple(piece), enter, leave, (tuple(piece),)))
    return units
