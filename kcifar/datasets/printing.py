"""Prints the summary of a data set, and the findings of its verification."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcifar.core.console import print_table, print_text
from kcifar.datasets.duplicate_counts import MAX_FRACTION
from kcifar.datasets.duplicates import MAX_PAIRS
from kcifar.datasets.file_inspection import Finding
from kcifar.datasets.messages import list_first

WIDTH = 160  # characters per line where there is no terminal
MAX_CLASSES = 100


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print the result of `summarize_dataset`, and the near-duplicates if there was a search."""
    height, width, channels = summary["image_shape"]
    counts = ", ".join(f"{count:,} {split}" for split, count in summary["counts"].items())
    print(f"{summary['name']}: {counts} images of {height}x{width}x{channels}, {len(summary['class_names'])} classes\n")
    _print_classes(summary)
    print()
    statistics = zip(("red", "green", "blue"), summary["channel_mean"], summary["channel_deviation"], strict=True)
    rows = [(name, f"{mean:.5f}", f"{deviation:.5f}") for name, mean, deviation in statistics]
    print_table(("train, 0..1", "mean", "standard deviation"), rows, text_columns=(0,), width=WIDTH)
    if "duplicates" in summary:
        print()
        _print_duplicates(summary["duplicates"])
    for note in summary["notes"]:
        print(f"\nnote: {note}")


def _print_classes(summary: Mapping[str, Any]) -> None:
    """Print one row per class: its number of images in each split, and their fraction of the split."""
    columns = summary["class_counts"]
    headings = ["class"] + [heading for split in columns for heading in (split, "fraction")]
    names = summary["class_names"]
    rows = [[name, *_format_class(columns, label)] for label, name in enumerate(names[:MAX_CLASSES])]
    print_table(headings, rows, text_columns=(0,), width=WIDTH)
    if len(names) > MAX_CLASSES:
        print(f"… and {len(names) - MAX_CLASSES:,} more classes; --json lists all")
    for split, counts in columns.items():
        print(f"{split}: {min(counts):,} to {max(counts):,} images per class{_format_imbalance(counts)}")


def _format_class(columns: Mapping[str, Sequence[int]], label: int) -> list[str]:
    return [cell for counts in columns.values() for cell in (f"{counts[label]:,}", f"{counts[label] / sum(counts):.2%}")]


def _format_imbalance(counts: Sequence[int]) -> str:
    """Return the imbalance as a recipe's `imbalance` defines it: the smallest class over the largest."""
    return f", imbalance {min(counts) / max(counts):.3g}" if min(counts) != max(counts) else ""


def _print_duplicates(duplicates: Mapping[str, Any]) -> None:
    print(f"near-duplicates, similarity {duplicates['similarity']:g} or more")
    rows = [
        (
            first if first == second else f"{second}, with a duplicate in {first}",
            f"{row['images']:,}",
            f"{row['pairs']:,}",
            f"{row['exact']:,}",
            f"{row['label_conflicts']:,}",
        )
        for row in duplicates["rows"]
        for first, second in [row["parts"]]
    ]
    print_table(("split", "images", "pairs", "exact copies", "label conflicts"), rows, text_columns=(0,), width=WIDTH)
    if alike := duplicates["alike_classes"]:
        print_text(_describe_alike(alike, duplicates["similarity"]), width=WIDTH)
    if not duplicates["complete"]:
        print(f"The search stopped at {MAX_PAIRS:,} pairs; there are more.")


def _describe_alike(classes: Sequence[str], similarity: float) -> str:
    named = f"{len(classes)} class{'es' * (len(classes) > 1)} ({list_first(classes)})"
    return (
        f"Of {named} only exact copies are counted: more than {MAX_FRACTION:.0%} of their images have another of similarity {similarity:g}, "
        "which therefore does not tell copies from images that are alike. --duplicates lists all pairs: look at some."
    )


def print_findings(findings: Iterable[Finding]) -> None:
    """Print one row per finding."""
    rows = [(finding.name, finding.status, "" if finding.size is None else f"{finding.size:,}", finding.detail) for finding in findings]
    print_table(("file or split", "status", "bytes", "checked"), rows, text_columns=(0, 1, 3), width=WIDTH)
