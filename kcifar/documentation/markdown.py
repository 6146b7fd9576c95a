"""The tables of the keys of a recipe and of a stage in docs/recipe.md."""

import re
from collections.abc import Sequence

from kcifar.documentation.keys import NONE, REQUIRED, Key, list_recipe_keys, list_stage_keys, walk_keys
from kcifar.documentation.parts import KINDS

_CODE = re.compile(r"'([^' ]+)'|\{[^}]*\}")  # quoted words and the forms of mappings
# Pages of docs/ that say more about a key.
_PAGES = {
    "dataset.imbalance": "datasets.md",
    "model": "zoo.md",
    "extend": "#a-recipe-that-extends-another",
    "learning_rate": "schedules_optimizers_losses.md",
    "optimizer": "schedules_optimizers_losses.md",
    "loss": "schedules_optimizers_losses.md",
    "augmentation": "augmentations.md",
}


def make_key_tables() -> str:
    """Return both tables as Markdown."""
    tables = _format_table("key", list_recipe_keys()), _format_table("key of a stage", list_stage_keys())
    return "\n\n".join(tables) + "\n"


def _format_table(heading: str, keys: Sequence[Key]) -> str:
    return "\n".join([f"| {heading} | value | meaning (default) |", "| --- | --- | --- |", *map(_format_row, walk_keys(keys))])


def _format_row(key: Key) -> str:
    name = f"[`{key.path}`]({_PAGES[key.path]})" if key.path in _PAGES else f"`{key.path}`"
    default = key.default if key.default in (REQUIRED, NONE) else f"`{key.default}`"
    return f"| {name} | {_format_value(key)} | {key.meaning} ({default}) |"


def _format_value(key: Key) -> str:
    """Return what is allowed, with words of the recipe as code; parts have tables of their own, except data sets."""
    if key.kind is None:
        return _CODE.sub(lambda match: f"`{match[1] or match[0]}`", key.allowed)
    if key.kind == "schedule":
        return "a number or a schedule"
    registry = KINDS[key.kind].registry
    if key.kind == "dataset":
        return f"one of {', '.join(f'`{name}`' for name in registry.names())}, with its arguments"
    return "a list of augmentations" if key.kind == "augmentation" else _add_article(registry.kind)


def _add_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
