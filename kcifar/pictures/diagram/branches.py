"""A block's main path (its spine), and what is next to it: branches with operations, and plain shortcuts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.units import Unit

Edge = tuple[int, int]  # source and target


@dataclass(frozen=True)
class Branch:
    """A path next to the spine; without items it is a plain shortcut.

    Attributes:
        items: In order from top to bottom.
        source: The item that it begins at, of this block or the previous one; None if only other blocks feed it.
        target: The item that it leads to; None if that is in another block.
        far: Whether another block feeds it too; it is then drawn on the left.
        edges: The edges that it draws.
    """

    items: tuple[int, ...]
    source: int | None
    target: int | None
    far: bool
    edges: tuple[Edge, ...]


def find_spine(items: Sequence[Item], unit: Unit) -> list[int]:
    """Return the path to the unit's exit with the most trained operations, then from the entry, then of the most items."""
    best: dict[int, tuple[tuple[int, bool, int], tuple[int, ...]]] = {}
    for index in unit.items:
        item = items[index]
        inside = [best[source] for source in item.inputs if source in best]
        start = (0, unit.entry is not None and unit.entry in item.inputs, 0)
        (trained, enters, length), path = max(inside, key=lambda candidate: candidate[0], default=(start, ()))
        best[index] = ((trained + (item.weights > 0), enters, length + 1), (*path, index))
    return list(best[unit.exit][1])


def find_branches(items: Sequence[Item], unit: Unit, spine: Sequence[int]) -> list[Branch]:
    """Return paths that, with the steps of the spine, draw every edge inside a block and from its entry once."""
    placed = [*([] if unit.entry is None else [unit.entry]), *spine]
    branches: list[Branch] = []
    while rest := [index for index in unit.items if index not in placed]:
        path = _find_longest_path(items, rest)
        branches.append(_make_branch(items, unit, path, placed))
        placed += path
    drawn = {edge for branch in branches for edge in branch.edges} | set(find_steps(items, unit, spine))
    plain = [(source, index) for index in unit.items for source in items[index].inputs if source in placed and (source, index) not in drawn]
    return [*branches, *(Branch((), source, target, False, ((source, target),)) for source, target in plain)]


def find_steps(items: Sequence[Item], unit: Unit, spine: Sequence[int]) -> list[Edge]:
    """Return the edges along the spine, the first from the unit's entry."""
    before = [unit.entry, *spine[:-1]]
    return [(source, index) for source, index in zip(before, spine, strict=True) if source is not None and source in items[index].inputs]


def _find_longest_path(items: Sequence[Item], rest: Iterable[int]) -> tuple[int, ...]:
    """Return the longest path through some items; the first of several."""
    best: dict[int, tuple[int, ...]] = {}
    for index in rest:
        best[index] = (*max((best[source] for source in items[index].inputs if source in best), key=len, default=()), index)
    return max(best.values(), key=len)


def _make_branch(items: Sequence[Item], unit: Unit, path: Sequence[int], placed: Sequence[int]) -> Branch:
    source = next((source for source in items[path[0]].inputs if source in placed), None)
    target = next((index for index in placed if index in unit.items and path[-1] in items[index].inputs), None)
    far = any(feeder not in unit.items and feeder != unit.entry for index in path for feeder in items[index].inputs)
    way = [*([] if source is None else [source]), *path, *([] if target is None else [target])]
    return Branch(tuple(path), source, target, far, tuple(pairwise(way)))
