"""Successive equal blocks, drawn once."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.units import Unit, find_consumers


def fold_repeats(items: Sequence[Item], units: Sequence[Unit]) -> list[Unit]:
    """Replace each sequence of equal units by the last one.

    Blocks are equal if they have the same operations at the same resolution; channels may grow, as in DenseNet, and drop path may differ.
    Each must be fed by the previous block alone, and feed the next alone.
    """
    kept: list[Unit] = []
    consumers = find_consumers(items)
    for position, unit in enumerate(units):
        before = units[position - 1] if position else None
        if before is not None and _repeats(items, consumers, before, unit):
            kept[-1] = replace(unit, blocks=(*kept[-1].blocks, unit.items))
        else:
            kept.append(unit)
    return kept


def _repeats(items: Sequence[Item], consumers: Sequence[Sequence[int]], before: Unit, unit: Unit) -> bool:
    pattern = _make_pattern(items, unit)
    leaving = {index for index in before.items if any(consumer not in before.items for consumer in consumers[index])}
    receivers = {consumer for consumer in consumers[before.exit] if consumer not in before.items}
    linked = leaving == {before.exit} and receivers <= set(unit.items)
    return pattern is not None and unit.label[0] == before.label[0] and linked and pattern == _make_pattern(items, before)


def _make_pattern(items: Sequence[Item], unit: Unit) -> list[Any] | None:
    """Return what two equal blocks have in common, or None if a unit before the previous one feeds the block."""
    places = {index: position for position, index in enumerate(unit.items)}
    sources = [[places.get(source, -1 if source == unit.entry else None) for source in items[index].inputs] for index in unit.items]
    if any(place is None for group in sources for place in group):
        return None
    texts = [re.sub(r" · drop path\b", "", items[index].text) for index in unit.items]
    resolution = items[unit.exit].shape[:-1]
    return [texts, [sorted(place for place in group if place is not None) for group in sources], resolution, places[unit.exit]]
