"""Which folders a report reads, and which it writes to."""

import os
from collections.abc import Sequence
from pathlib import Path

from kcifar.core.errors import UserError, did_you_mean

REPORT_FOLDER = "report"
PAGE = "report.html"


def find_folders(runs: Path) -> list[Path]:
    """Return the folders inside `runs` that may be runs, by name; hidden ones and those of earlier reports are passed over.

    Raises:
        UserError: `runs` is no folder.
    """
    if not os.path.isdir(runs):  # which, unlike Path.is_dir, says False to any name
        what = "a file" if os.path.isfile(runs) else "no such folder"
        raise UserError(f"--runs {runs}: expected the folder that holds the runs, got {what}; training makes one, `runs`")
    folders = sorted(entry for entry in runs.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return [folder for folder in folders if not _is_report(folder)]


def find_run(given: Path, runs: Path) -> Path:
    """Return the folder that the user means: a path, or the name of a run inside `runs`.

    Raises:
        UserError: There is no such folder; the message offers the nearest name.
    """
    for folder in (given, runs / given):
        if os.path.isdir(folder):
            return folder
    names = [folder.name for folder in find_folders(runs)] if os.path.isdir(runs) else []
    raise UserError(f"{given}: expected a run folder or the name of one in {runs}, got no such folder{did_you_mean(given.name, names)}")


def make_folder(asked: Path | None, runs: Path, first: Path) -> Path:
    """Make the folder of the report and return it.

    Args:
        asked: Of the user; None: `report` beside the first run.
        runs: The folder that holds the runs.
        first: The first run's folder.
    Raises:
        UserError: It is a file, in a run, the folder of the runs itself, or cannot be made.
    """
    out = asked or _beside(first)
    inside = [folder for folder in (out.absolute(), *out.absolute().parents) if _is_run(folder)]
    if inside or out.absolute() == runs.absolute():
        got = f"one in the run {inside[0].name}" if inside else "the folder of the runs itself"
        raise UserError(f"--out {out}: expected a folder outside of runs, got {got}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"--out {out}: expected a folder, got a file") from None
    except OSError as error:
        raise UserError(f"--out {out}: cannot be made: {error.strerror}") from None
    return out


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Name each folder by as few of its last path parts as tell it from all others."""
    parts = [folder.resolve().parts for folder in folders]
    names = []
    for own in parts:
        length = next(n for n in range(1, len(own) + 1) if n == len(own) or sum(other[-n:] == own[-n:] for other in parts) == 1)
        names.append("/".join(own[-length:]).lstrip("/"))
    return names


def _beside(first: Path) -> Path:
    return first.parent / REPORT_FOLDER if first.name not in ("", "..") else first.resolve().parent / REPORT_FOLDER


def _is_run(folder: Path) -> bool:
    """Whether a training wrote here; a recipe alone may be the user's own file."""
    return all(os.path.isfile(folder / name) for name in ("recipe.yaml", "status.json"))


def _is_report(folder: Path) -> bool:
    return (folder.name == REPORT_FOLDER or (folder / PAGE).exists()) and not (folder / "recipe.yaml").exists()
