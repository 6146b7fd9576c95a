"""Run folders and report folders: finding, naming and recognizing them."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kcifar.core.errors import UserError, did_you_mean
from kcifar.core.option_names import name_option
from kcifar.runs.folder import RECIPE_FILE, STATUS_FILE

REPORT_FOLDER = "report"
REPORT_PAGE = "report.html"


def find_folders(runs: Path) -> list[Path]:
    """Return the folders in `runs` that may be run folders, sorted by name, without hidden folders and folders of earlier reports.

    Raises:
        UserError: `runs` is not a folder.
    """
    if not os.path.isdir(runs):  # unlike Path.is_dir, this returns False for names that are too long
        received = "a file" if os.path.isfile(runs) else "no such folder"
        raise UserError(f"{name_option('runs', runs)}: expected a folder that contains runs, got {received}; training creates `runs`")
    folders = sorted(entry for entry in runs.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return [folder for folder in folders if not _is_report(folder)]


def find_run(path_or_name: Path, runs: Path) -> Path:
    """Return the folder that the user refers to: a path, or the name of a run in `runs`.

    Raises:
        UserError: There is no such folder; the message suggests the nearest name.
    """
    for folder in (path_or_name, runs / path_or_name):
        if os.path.isdir(folder):
            return folder
    names = [folder.name for folder in find_folders(runs)] if os.path.isdir(runs) else []
    raise UserError(
        f"{path_or_name}: expected a run folder or the name of a run in {runs}, got no such folder{did_you_mean(path_or_name.name, names)}"
    )


def name_folders(folders: Sequence[Path]) -> list[str]:
    """Name each folder by as few of its last path components as distinguish it from all others."""
    parts = [folder.resolve().parts for folder in folders]
    times = Counter(folder_parts[-length:] for folder_parts in parts for length in range(1, len(folder_parts) + 1))
    lengths = [next(n for n in range(1, len(own) + 1) if n == len(own) or times[own[-n:]] == 1) for own in parts]
    return ["/".join(own[-length:]).lstrip("/") for own, length in zip(parts, lengths, strict=True)]


def is_run(folder: Path) -> bool:
    """Whether a training wrote to the folder; a recipe alone may be a file of the user."""
    return all(os.path.isfile(folder / name) for name in (RECIPE_FILE, STATUS_FILE))


def _is_report(folder: Path) -> bool:
    return (folder.name == REPORT_FOLDER or (folder / REPORT_PAGE).exists()) and not (folder / RECIPE_FILE).exists()
