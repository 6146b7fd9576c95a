"""Prints the list of networks, or one network, as tables, CSV or JSON."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcifar.core.console import print_table, print_text

NETWORK_COLUMNS = ("name", "family", "parameters", "trainable_parameters", "bytes", "multiply_accumulates", "layers", "refused")
LAYER_COLUMNS = ("name", "type", "output_shape", "parameters", "multiply_accumulates", "inputs")
MILLION = 1_000_000
WIDTH = 100  # characters per line where there is no terminal


def print_networks_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the list to standard output as CSV, one row per network; unknown values are empty."""
    _print_csv(NETWORK_COLUMNS, rows)


def print_layers_csv(summary: Mapping[str, Any]) -> None:
    """Write a network's layers to standard output as CSV; shapes as 32x32x64, inputs separated by spaces."""
    rows = [row | {"output_shape": _format_shape(row["output_shape"]), "inputs": " ".join(row["inputs"])} for row in summary["layers"]]
    _print_csv(LAYER_COLUMNS, rows)


def _print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_networks(families: Iterable[Sequence[Mapping[str, Any]]], image_size: int, num_classes: int) -> None:
    """Print the networks family by family, each as soon as it is there, and below them those that refuse such images, with their reasons."""
    headings = ("", "", "", "", "M multiply-", ""), ("network", "parameters", "trainable", "MB", "accumulates", "layers")
    print("\n".join(map(_align, headings)))
    print("-" * len(_align(headings[1])), flush=True)
    refused: list[Mapping[str, Any]] = []
    for rows in families:
        lines = [_align((f"  {row['name']}", *_format_network(row))) for row in rows]
        print("\n".join([rows[0]["family"], *lines]), flush=True)
        refused += [row for row in rows if row["refused"]]
    print(f"\n{image_size}x{image_size}x3 images, {num_classes} classes. MB: million bytes of float32 weights.\nM: millions per image.")
    if refused:
        print(f"\nNot available for these images ({len(refused)}):")
    for row in refused:
        print(f"  {row['name']}: {row['refused']}")


def _align(cells: Sequence[str]) -> str:
    """Return a row of the list; its columns are wide enough for every network of the zoo, as they are not known before the last is printed."""
    name, *numbers = cells
    return (f"{name:22}" + "".join(f"{number:>{width}}" for number, width in zip(numbers, (14, 14, 9, 13, 8), strict=True))).rstrip()


def _format_network(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["refused"]:
        return ("-",) * 5
    counts = f"{row['parameters']:,}", f"{row['trainable_parameters']:,}"
    return *counts, f"{row['bytes'] / MILLION:,.1f}", f"{row['multiply_accumulates'] / MILLION:,.1f}", f"{row['layers']:,}"


def print_network(summary: Mapping[str, Any], family: str, provenance: str, arguments: Sequence[Sequence[str]]) -> None:
    """Print a network's size, its source, its own arguments and its layers.

    Args:
        summary: As `summarize_model` returns it.
        family: The name of the file that registers it.
        provenance: The first paragraphs of that file.
        arguments: Rows of name, default and allowed values.
    """
    counts = f"{summary['parameters']:,} parameters, {summary['trainable_parameters']:,} trainable, {summary['bytes'] / MILLION:,.1f} MB"
    cost = f"{summary['multiply_accumulates'] / MILLION:,.1f} M multiply-accumulates"
    print(f"{summary['name']} ({family})\n{counts}, {cost}, {len(summary['layers'])} layers\n")
    print_text(provenance, width=WIDTH)
    if arguments:
        print("Arguments: --set key=value here, keys next to `name` in a recipe\n")
        print_table(("argument", "default", "allowed"), arguments, text_columns=(0, 1, 2), width=WIDTH)
        print()
    headings = ("layer", "type", "output", "parameters", "multiply-\naccumulates")
    print_table(headings, [*map(_format_layer, summary["layers"]), _format_total(summary)], text_columns=(0, 1, 2), width=WIDTH)


def _format_layer(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["name"], row["type"], _format_shape(row["output_shape"]), f"{row['parameters']:,}", f"{row['multiply_accumulates']:,}"


def _format_total(summary: Mapping[str, Any]) -> tuple[str, ...]:
    return "total", "", "", f"{summary['parameters']:,}", f"{summary['multiply_accumulates']:,}"


def _format_shape(sizes: Iterable[int]) -> str:
    return "x".join(map(str, sizes))
