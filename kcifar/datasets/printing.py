"""What `python -m kcifar.datasets` prints: a data set's numbers, and the findings of its check."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcifar.datasets.duplicates import MOST_PAIRS
from kcifar.datasets.official import Finding

WIDTH = 160  # columns where there is no terminal
MOST_CLASSES = 100


def print_information(information: Mapping[str, Any]) -> None:
    """Print what `information.describe` gives, and its near-duplicates where they were looked for."""
    height, width, channels = information["image_shape"]
    counts = ", ".join(f"{count:,} {title}" for title, count in information["counts"].items())
    print(f"{information['name']}: {counts} images of {height}x{width}x{channels}, {len(information['class_names'])} classes\n")
    _print_classes(information)
    print()
    statistics = zip(("red", "green", "blue"), information["channel_mean"], information["channel_deviation"], strict=True)
    _print_table(("train, 0..1", "mean", "deviation"), [(name, f"{mean:.5f}", f"{deviation:.5f}") for name, mean, deviation in statistics])
    if "duplicates" in information:
        print()
        _print_duplicates(information["duplicates"])
    for note in information["notes"]:
        print(f"\nnote: {note}")


def _print_classes(information: Mapping[str, Any]) -> None:
    """Print a row a class: how many images each part has of it, and its share of them."""
    columns = information["class_counts"]
    headings = ["class"] + [heading for title in columns for heading in (title, "share")]
    names = information["class_names"]
    rows = [[name, *_class_cells(columns, label)] for label, name in enumerate(names[:MOST_CLASSES])]
    _print_table(headings, rows)
    if len(names) > MOST_CLASSES:
        print(f"… and {len(names) - MOST_CLASSES:,} more classes; --json lists all")
    for title, counts in columns.items():
        print(f"{title}: from {min(counts):,} to {max(counts):,} images a class{_ratio(counts)}")


def _class_cells(columns: Mapping[str, Sequence[int]], label: int) -> list[str]:
    return [cell for counts in columns.values() for cell in (f"{counts[label]:,}", f"{counts[label] / sum(counts):.2%}")]


def _ratio(counts: Sequence[int]) -> str:
    """Return the imbalance: the smallest class over the largest, as a recipe's `imbalance` counts it."""
    return f", imbalance {min(counts) / max(counts):.3g}" if min(counts) != max(counts) else ""


def _print_duplicates(duplicates: Mapping[str, Any]) -> None:
    print(f"near-duplicates, similarity {duplicates['similarity']:g} or more")
    rows = [
        (
            parts[0] if parts[0] == parts[1] else f"{parts[1]}, with one in {parts[0]}",
            f"{row['images']:,}",
            f"{row['pairs']:,}",
            f"{row['exact']:,}",
            f"{row['label_conflicts']:,}",
        )
        for row in duplicates["rows"]
        for parts in [row["parts"]]
    ]
    _print_table(("images of", "images", "pairs", "exact copies", "label conflicts"), rows)
    if not duplicates["complete"]:
        print(f"The search ended at {MOST_PAIRS:,} pairs; there are more.")


def print_findings(findings: Iterable[Finding]) -> None:
    """Print a row for everything that was checked."""
    rows = [(finding.name, finding.status, "" if finding.size is None else f"{finding.size:,}", finding.detail) for finding in findings]
    _print_table(("file or part", "status", "bytes", "checked"), rows, texts=(0, 1, 3))


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[int] = (0,)) -> None:
    """Print rows under headings; the columns in `texts` are texts, the others numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for position, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if position in texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(table)
