"""The zoo and one network on the terminal, as CSV and as JSON."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

LIST_COLUMNS = ("name", "family", "parameters", "trainable_parameters", "bytes", "multiply_accumulates", "layers", "refused")
LAYER_COLUMNS = ("name", "type", "output_shape", "parameters", "multiply_accumulates", "inputs")
MILLION = 1_000_000
WIDTH = 100  # columns of text that goes to no terminal


def print_json(value: Any) -> None:
    """Write a value to standard output as indented JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def print_list_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the zoo to standard output, a row a network; what is not known is empty."""
    _print_csv(LIST_COLUMNS, rows)


def print_layers_csv(summary: Mapping[str, Any]) -> None:
    """Write a network's layers to standard output; shapes as 32x32x64, inputs between blanks."""
    shown = [row | {"output_shape": _shape(row["output_shape"]), "inputs": " ".join(row["inputs"])} for row in summary["layers"]]
    _print_csv(LAYER_COLUMNS, shown)


def _print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_list(rows: Sequence[Mapping[str, Any]], image_size: int, num_classes: int) -> None:
    """Print the zoo as a table, family by family, and below it the networks that refuse such images, with their reasons."""
    headings = ("network", "parameters", "trainable", "MB", "M multiply-\naccumulates", "layers")
    lines: list[Sequence[str]] = []
    for family, members in groupby(rows, lambda row: row["family"]):
        lines += [(family,), *((f"  {row['name']}", *_list_cells(row)) for row in members)]
    _print_table(headings, lines, left=1)
    print(f"\n{image_size}x{image_size}x3 images, {num_classes} classes. MB: a million bytes of float32 weights. M: millions for one image.")
    refused = [row for row in rows if row["refused"]]
    if refused:
        print(f"\nNot for these images ({len(refused)}):")
    for row in refused:
        print(f"  {row['name']}: {row['refused']}")


def _list_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["refused"]:
        return ("-",) * 5
    counts = f"{row['parameters']:,}", f"{row['trainable_parameters']:,}"
    return *counts, f"{row['bytes'] / MILLION:,.1f}", f"{row['multiply_accumulates'] / MILLION:,.1f}", f"{row['layers']:,}"


def print_network(summary: Mapping[str, Any], family: str, provenance: str, arguments: Sequence[Sequence[str]]) -> None:
    """Print a network's numbers, where it comes from, its own arguments and its layers.

    Args:
        summary: As `model_summary` gives it.
        family: The file that registers it.
        provenance: What that file says on top.
        arguments: Rows of name, default and allowed values.
    """
    counts = f"{summary['parameters']:,} parameters, {summary['trainable_parameters']:,} trainable, {summary['bytes'] / MILLION:,.1f} MB"
    cost = f"{summary['multiply_accumulates'] / MILLION:,.1f} M multiply-accumulates"
    print(f"{summary['name']} ({family})\n{counts}, {cost}, {len(summary['layers'])} layers\n")
    _print_text(provenance)
    if arguments:
        print("Arguments: --set key=value here, keys beside `name` in a recipe\n")
        _print_table(("argument", "default", "allowed"), arguments, left=3)
        print()
    _print_table(
        ("layer", "type", "output", "parameters", "multiply-\naccumulates"), [*map(_layer_cells, summary["layers"]), _total(summary)], left=3
    )


def _layer_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["name"], row["type"], _shape(row["output_shape"]), f"{row['parameters']:,}", f"{row['multiply_accumulates']:,}"


def _total(summary: Mapping[str, Any]) -> tuple[str, ...]:
    return "total", "", "", f"{summary['parameters']:,}", f"{summary['multiply_accumulates']:,}"


def _shape(sizes: Iterable[int]) -> str:
    return "x".join(map(str, sizes))


def _print_text(text: str) -> None:
    """Print paragraphs as wide as the terminal, and an empty line."""
    from rich.text import Text

    _console().print(Text(f"{text}\n"))


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> None:
    """Print rows under headings; the first `left` columns are texts, the others numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for position, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if position < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _console().print(table)


def _console() -> Any:
    """Return the terminal, or a page of `WIDTH` columns where there is none."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
