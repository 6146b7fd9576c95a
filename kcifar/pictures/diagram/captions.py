"""The text around the boxes: names of blocks, groups and the network, and their numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.pictures.diagram.items import Item
from kcifar.pictures.diagram.units import Unit
from kcifar.pictures.diagram.words import format_shape


def describe_unit(items: Sequence[Item], unit: Unit) -> str:
    """Return the caption in a box's corner: "block 2", "blocks 2–18", "stem", "transition"; empty without a name."""
    names = [items[block[0]].label[1] for block in unit.blocks]
    if names[0].startswith("block"):
        first, last = _add_space(names[0]), names[-1].removeprefix("block")
        return first if len(names) == 1 else f"{first.replace('block', 'blocks')}–{last}"
    return names[0] or _find_common_word(items, unit)


def describe_group(items: Sequence[Item], units: Sequence[Unit]) -> str:
    """Return the caption of a group's frame: its name and the resolution of most of its blocks."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for unit in units:
        sizes[items[unit.exit].shape[:-1]] += unit.count
    size = sizes.most_common(1)[0][0]
    return " · ".join([_add_space(units[0].label[0]), *(["×".join(map(str, size))] if len(size) == 2 else [])])


def describe_output_shape(items: Sequence[Item], unit: Unit) -> str:
    """Return the shape of a block's output in words."""
    return format_shape(list(items[unit.exit].shape))


def describe_size(summary: Mapping[str, Any]) -> str:
    """Return the network's numbers: parameters and multiply-accumulates."""
    return f"{summary['parameters']:,} parameters · {summary['multiply_accumulates'] / 1e6:,.1f} million multiply-accumulates"


def name_block(items: Sequence[Item], index: int) -> str:
    """Return an item's block in words: "group 2 block 1", "images"."""
    return " ".join(_add_space(part) for part in items[index].label if part) or items[index].text.partition(" · ")[0]


def describe_outputs(name: str, item: Item) -> str:
    """Return the output of the network's last layer: "10 logits", if that is its name, else "10 outputs"."""
    return f"{format_shape(list(item.shape))} {name if name == 'logits' else 'outputs'}"


def _add_space(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=\d)", " ", name)


def _find_common_word(items: Sequence[Item], unit: Unit) -> str:
    """Return the word that follows the group's name in all layers of a unit, such as "transition"; empty if there is none."""
    words = {row.removeprefix(f"{unit.label[0]}_").partition("_")[0] for index in unit.items for row in items[index].rows}
    word = words.pop() if len(words) == 1 else ""
    many = sum(len(items[index].rows) for index in unit.items) > 1
    return word if unit.label[0] and many and word.isalpha() else ""
