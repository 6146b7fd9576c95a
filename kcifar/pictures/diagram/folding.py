"""Equal blocks in a row, drawn once."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.units import Unit, consumers_of


def folded(items: Sequence[Item], units: Sequence[Unit]) -> list[Unit]:
    """Put one unit, the last, in the place of each run of equal ones.

    Blocks are equal if they do the same at the same resolution; channels may grow, as in DenseNet, and drop path is no difference.
    Each must take from the one before alone, and give to the next alone.
    """
    kept: list[Unit] = []
    consumers = consumers_of(items)
    for position, unit in enumerate(units):
        before = units[position - 1] if position else None
        if before is not None and _repeats(items, consumers, before, unit):
            kept[-1] = replace(unit, blocks=(*kept[-1].blocks, unit.items))
        else:
            kept.append(unit)
    return kept


def _repeats(items: Sequence[Item], consumers: Sequence[Sequence[int]], before: Unit, unit: Unit) -> bool:
    own_group, other_group = unit.label[0], before.label[0]
    pattern = _pattern(items, unit)
    leaving = {index for index in before.items if any(consumer not in before.items for consumer in consumers[index])}
    receivers = {consumer for consumer in consumers[before.exit] if consumer not in before.items}
    linked = leaving == {before.exit} and receivers <= set(unit.items)
    return pattern is not None and own_group == other_group and linked and pattern == _pattern(items, before)


def _pattern(items: Sequence[Item], unit: Unit) -> list[Any] | None:
    """Return what makes a block what it is, or None if it takes from farther than the unit before."""
    places = {index: position for position, index in enumerate(unit.items)}
    sources = [[places.get(source, -1 if source == unit.entry else None) for source in items[index].inputs] for index in unit.items]
    if any(place is None for group in sources for place in group):
        return None
    texts = [re.sub(r" · drop path\b", "", items[index].text) for index in unit.items]
    resolution = items[unit.exit].shape[:-1]
    return [texts, [sorted(place for place in group if place is not None) for group in sources], resolution, places[unit.exit]]
