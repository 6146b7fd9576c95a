"""`verify`: checks the files of a data set against the official ones, and its contents."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.cifar import OFFICIAL_TEST_IMAGES, OFFICIAL_TRAIN_IMAGES, find_files
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.file_inspection import OFFICIAL_DATASETS, Finding, describe_failures, inspect_files
from kcifar.datasets.load import load_dataset
from kcifar.datasets.messages import join_names
from kcifar.datasets.statistics import count_classes


def verify_dataset(name: str, arguments: Mapping[str, Any], data: Path | None, say: Callable[[str], None]) -> tuple[str, list[Finding]]:
    """Check a data set's files and contents; nothing is downloaded.

    Args:
        name: Name of a registered data set.
        arguments: Its own arguments, checked.
        data: The user's path, or None: files from earlier downloads.
        say: Called with the path of the files.
    Returns:
        The path of the files (or the data set's name), and the findings.
    Raises:
        UserError: There are no files, or they cannot be read and there is nothing official to compare them with.
    """
    if name not in OFFICIAL_DATASETS:
        dataset = load_dataset(name, arguments, Source(data, None, say))
        return str(data or name), inspect_contents(dataset)
    cifar = OFFICIAL_DATASETS[name](arguments)
    path = find_files(cifar, data)
    say(f"checking {path}")
    findings = inspect_files(cifar, path)
    try:
        dataset = load_dataset(name, arguments, Source(path))
    except UserError as error:
        return str(path), [*findings, Finding("contents", "cannot be loaded", None, str(error).removeprefix(f"{path}: "))]
    return str(path), findings + inspect_contents(dataset, {"train": OFFICIAL_TRAIN_IMAGES, "test": OFFICIAL_TEST_IMAGES})


def inspect_contents(dataset: Dataset, balanced: Mapping[str, int] | None = None) -> list[Finding]:
    """Check the contents of a loaded data set; loading has already refused impossible labels and shapes.

    Args:
        dataset: Any data set.
        balanced: Splits that must have this many images, the same number in each class.
    """
    notes = [Finding("contents", "not as expected", None, one_line(note)) for note in dataset.notes]
    return [_inspect_split(dataset, name, split, (balanced or {}).get(name)) for name, split in dataset.splits().items()] + notes


def _inspect_split(dataset: Dataset, name: str, split: Split, expected: int | None) -> Finding:
    """Check that no class is missing from the train split, and the official counts where there are some."""
    height, width, _ = dataset.image_shape
    counts = count_classes(split.labels, len(dataset.class_names))
    contents = f"{len(split):,} images {height}x{width}, labels {split.labels.min()} to {split.labels.max()}, {_describe_counts(counts)}"
    if expected is not None and (counts != expected // len(counts)).any():
        return Finding(f"{name} split", "wrong counts", None, f"{contents}; expected {expected // len(counts):,} per class")
    if name == "train" and not counts.all():
        missing = join_names((dataset.class_names[label] for label in np.flatnonzero(counts == 0)), 80)
        return Finding(f"{name} split", "empty classes", None, f"{contents}; no image of {missing}")
    return Finding(f"{name} split", "ok", None, contents)


def _describe_counts(counts: np.ndarray) -> str:
    if counts.min() == counts.max():
        return f"{counts[0]:,} in each of {len(counts)} classes"
    return f"{counts.min():,} to {counts.max():,} in each of {len(counts)} classes"


def check_findings(place: str, findings: list[Finding]) -> None:
    """Refuse a data set if anything is wrong.

    Raises:
        UserError: A finding is not ok; one line with all problems.
    """
    if problems := describe_failures(findings):
        count = sum(not finding.is_ok for finding in findings)
        raise UserError(f"{place}: {count} of {len(findings)} checks failed: {problems}")
