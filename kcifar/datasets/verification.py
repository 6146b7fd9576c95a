"""`verify`: the files of a data set against the official ones, and what they hold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.cifar import OFFICIAL_TEST, OFFICIAL_TRAIN, files_at_hand
from kcifar.datasets.dataset import Dataset, Part, Source
from kcifar.datasets.load import load_dataset
from kcifar.datasets.official import OFFICIAL, Finding, check_files, failures
from kcifar.datasets.statistics import class_counts


def verify(name: str, arguments: Mapping[str, Any], data: Path | None, say: Callable[[str], None]) -> tuple[str, list[Finding]]:
    """Check a data set's files and contents; nothing is downloaded.

    Args:
        name: Of a registered data set.
        arguments: Its own, checked.
        data: The user's path, or None: what earlier downloads left.
        say: Told where the files lie.
    Returns:
        Where the files lie (or the data set's name), and a row for everything that was checked.
    Raises:
        UserError: There are no files, or they cannot be read and there is nothing official to compare them with.
    """
    if name not in OFFICIAL:
        dataset = load_dataset(name, arguments, Source(data, None, say))
        return str(data or name), contents(dataset)
    cifar = OFFICIAL[name](arguments)
    path = files_at_hand(cifar, data)
    say(f"checking {path}")
    findings = check_files(cifar, path)
    try:
        dataset = load_dataset(name, arguments, Source(path))
    except UserError as error:
        return str(path), [*findings, Finding("contents", "cannot be loaded", None, str(error).removeprefix(f"{path}: "))]
    return str(path), findings + contents(dataset, {"train": OFFICIAL_TRAIN, "test": OFFICIAL_TEST})


def contents(dataset: Dataset, balanced: Mapping[str, int] | None = None) -> list[Finding]:
    """Check what a data set holds, once it is loaded: which labels and shapes are impossible, loading refused already.

    Args:
        dataset: Any.
        balanced: Parts that must have so many images, the same number of each class.
    """
    notes = [Finding("contents", "not as it should be", None, one_line(note)) for note in dataset.notes]
    return [_part_finding(dataset, title, part, (balanced or {}).get(title)) for title, part in dataset.parts().items()] + notes


def _part_finding(dataset: Dataset, title: str, part: Part, expected: int | None) -> Finding:
    """Check that no class is missing from train, and the official counts where there are some."""
    height, width, _ = dataset.image_shape
    counts = class_counts(part.labels, len(dataset.class_names))
    held = f"{len(part):,} images {height}x{width}, labels {part.labels.min()} to {part.labels.max()}, {_spread(counts)}"
    if expected is not None and (counts != expected // len(counts)).any():
        return Finding(f"{title} part", "wrong counts", None, f"{held}; expected {expected // len(counts):,} of each class")
    if title == "train" and not counts.all():
        missing = one_line(", ".join(dataset.class_names[label] for label in np.flatnonzero(counts == 0)), 80)
        return Finding(f"{title} part", "empty classes", None, f"{held}; no image of {missing}")
    return Finding(f"{title} part", "ok", None, held)


def _spread(counts: np.ndarray) -> str:
    if counts.min() == counts.max():
        return f"{counts[0]:,} of each of {len(counts)} classes"
    return f"{counts.min():,} to {counts.max():,} of each of {len(counts)} classes"


def refuse_failures(place: str, findings: list[Finding]) -> None:
    """Raise the one line that ends the command where anything is wrong.

    Raises:
        UserError: A finding is not ok.
    """
    if wrong := failures(findings):
        count = sum(not finding.is_ok for finding in findings)
        raise UserError(f"{place}: {count} of {len(findings)} checks failed: {wrong}")
