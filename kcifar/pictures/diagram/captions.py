"""The words around the boxes: what a block, a group and the whole network are called, and their numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.units import Unit
from kcifar.pictures.diagram.words import shape_words


def caption(items: Sequence[Item], unit: Unit) -> str:
    """Return what stands in a box's corner: "block 2", "blocks 2–18", "stem", "transition"; empty without a name."""
    names = [items[block[0]].label[1] for block in unit.blocks]
    if names[0].startswith("block"):
        first, last = _spaced(names[0]), names[-1].removeprefix("block")
        return first if len(names) == 1 else f"{first.replace('block', 'blocks')}–{last}"
    return names[0] or _common_word(items, unit)


def group_caption(items: Sequence[Item], units: Sequence[Unit]) -> str:
    """Return what stands over a group's frame: its name and the resolution of most of its blocks."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for unit in units:
        sizes[items[unit.exit].shape[:-1]] += unit.count
    size = sizes.most_common(1)[0][0]
    return " · ".join([_spaced(units[0].label[0]), *(["×".join(map(str, size))] if len(size) == 2 else [])])


def shape_after(items: Sequence[Item], unit: Unit) -> str:
    """Return the shape of what a block gives, in words."""
    return shape_words(list(items[unit.exit].shape))


def headline(summary: Mapping[str, Any]) -> str:
    """Return the network's numbers: parameters and multiply-accumulates."""
    return f"{summary['parameters']:,} parameters · {summary['multiply_accumulates'] / 1e6:,.1f} million multiply-accumulates"


def block_name(items: Sequence[Item], index: int) -> str:
    """Return where an item stands, in words: "group 2 block 1", "images"."""
    return " ".join(_spaced(part) for part in items[index].label if part) or items[index].text.partition(" · ")[0]


def output_caption(name: str, item: Item) -> str:
    """Return what the network's last layer gives: "10 logits", if that is its name."""
    return f"{shape_words(list(item.shape))} {name if name == 'logits' else 'outputs'}"


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=\d)", " ", name)


def _common_word(items: Sequence[Item], unit: Unit) -> str:
    """Return the word that all layers of a group's part have behind the group's name, as "transition"; empty if there is none."""
    words = {row.removeprefix(f"{unit.label[0]}_").partition("_")[0] for index in unit.items for row in items[index].rows}
    word = words.pop() if len(words) == 1 else ""
    many = sum(len(items[index].rows) for index in unit.items) > 1
    return word if unit.label[0] and many and word.isalpha() else ""
