"""Shipped recipes and keys on the terminal."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcifar.documentation.docstrings import read_summary
from kcifar.documentation.keys import Key, list_base_keys, list_part_keys, list_recipe_keys, list_stage_keys, walk_keys
from kcifar.documentation.parts import KINDS
from kcifar.recipe.shipped import LISTING

NOT_MEASURED = "not measured yet"
WIDTH = 100  # columns of text that goes to no terminal
INDENT = "    "
HEADINGS = ("recipe", "data set", "network", "epochs", "time", "test accuracy")


def print_recipes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what to take for how long, and the table of all shipped recipes; rows as `list_shipped_recipes` gives them."""
    print("Which recipe for how much time:\n")
    chosen = [row for row in rows if row["recommended"]]
    _print_columns([(row["time"], row["name"], f"{format_accuracy(row)} on {row['dataset']}") for row in chosen], right=(0,))
    print(f"\nTrain one by its name: python -m kcifar.train --stages {chosen[0]['name']}\n\nAll shipped recipes:\n")
    cells = [(row["name"], row["dataset"], row["model"], str(row["epochs"]), row["time"] or NOT_MEASURED, format_accuracy(row)) for row in rows]
    _print_columns([HEADINGS, *cells], right=(3, 4))
    print("\nTimes are training times on the hardware that the recipe's file names. Keys of a recipe: " + f"{LISTING} keys")


def format_accuracy(row: Mapping[str, Any]) -> str:
    """Write a recipe's test accuracy, with the number of views if there are several."""
    if row["accuracy"] is None:
        return NOT_MEASURED
    return f"{100 * row['accuracy']:.2f} %" + (f" ({row['views']} views)" if row["views"] > 1 else "")


def _print_columns(rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) if place in right else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))]
        print("  " + "  ".join(cells).rstrip())


def print_all_keys() -> None:
    """Print every key of a recipe and of a stage, and the keys inside their mappings."""
    groups = {"Keys of a recipe": list_recipe_keys(), "Keys of a stage (and of `defaults`, without `name`)": list_stage_keys()}
    nested = [key for keys in groups.values() for key in walk_keys(keys) if "." in key.path]
    for title, keys in (groups | {"Keys inside other keys": nested, "Keys of every schedule": list_base_keys("schedule")}).items():
        print(f"{title}\n")
        _print_entries(keys, INDENT)
        print()
    print(f"{LISTING} keys NAME prints one key with examples, and the parts that it names with their arguments.")


def print_key(key: Key) -> None:
    """Print one key in full: meaning, allowed values, default, examples, the keys inside it, and the parts that it names."""
    print(f"{key.path}: {key.allowed} ({key.default})\n")
    _print_text(key.meaning, INDENT)
    for number, example in enumerate(key.examples):
        print(f"{INDENT}{'or      ' if number else 'Example:'} {key.name}: {example}")
    print()
    if key.nested and key.kind is None:
        print("Keys inside it\n")
        _print_entries(walk_keys(key.nested), INDENT)
        print()
    if key.kind is not None:
        _print_parts(key.kind)


def _print_parts(kind: str) -> None:
    """Print the parts of a kind with their arguments."""
    registry, common = KINDS[kind].registry, list_base_keys(kind)
    names = registry.names()
    if kind == "model":  # which are many, and have a command of their own
        _print_text(f"Networks: {', '.join(names)}", "")
        print("\npython -m kcifar.models NAME prints the arguments of one.")
        return
    if common:
        print(f"Arguments of every {registry.kind}\n")
        _print_entries(common, INDENT)
        print()
    for name in names:
        print(f"{registry.kind} {name}\n")
        _print_text(read_summary(registry.get(name)), INDENT)
        _print_entries(list_part_keys(kind, name), 2 * INDENT)
        print()


def _print_entries(keys: Iterable[Key], indent: str) -> None:
    for key in keys:
        _print_text(f"{key.path}: {key.allowed} ({key.default})", indent, hanging=2 * INDENT)
        _print_text(key.meaning, indent + INDENT)


def _print_text(text: str, indent: str, hanging: str = "") -> None:
    """Print text as wide as the terminal; the lines after the first are indented by `hanging` more."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    print(textwrap.fill(text, max(width, 40), initial_indent=indent, subsequent_indent=indent + hanging, break_on_hyphens=False))
