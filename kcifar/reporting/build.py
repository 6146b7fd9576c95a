"""The whole report: read the runs, print each section, write its files, say what was left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from kcifar.errors import UserError, one_line
from kcifar.reporting.figures import write_figure
from kcifar.reporting.load import SavedRun, Skipped, find_folders, find_run, read_runs
from kcifar.reporting.printing import print_table
from kcifar.reporting.section import Section, find_sections
from kcifar.reporting.tables import write_table

REPORT_FOLDER = "report"
FIGURE_FOLDER = "figures"


def build_report(given: Sequence[Path], runs: Path, out: Path | None, console: Console) -> None:
    """Write the report of saved runs, then print it.

    Args:
        given: Run folders, or names of runs in `runs`; empty: all in `runs`.
        runs: The folder that holds run folders.
        out: Where files are written; None: `report` beside the first run.
        console: Where tables are printed.
    Raises:
        UserError: A folder does not exist, no run can be read, or `out` cannot be written.
    """
    folders = [find_run(path, runs) for path in given] or _candidates(runs, out)
    saved, skipped = read_runs(folders)
    if not saved:
        raise UserError(f"{runs if not given else given[0]}: {_why_none(skipped)}")
    out = out or saved[0].folder.parent / REPORT_FOLDER
    _make_folder(out)
    tables = [(section, _write_section(section, saved, out)) for section in find_sections()]
    for section, table in tables:  # after the files: a closed pipe must not cost them
        if table is not None:
            print_table(console, section, table)
    _print_notes(console, saved, skipped)
    _print_places(console, saved, out)


def _candidates(runs: Path, out: Path | None) -> list[Path]:
    """All folders in `runs` but those that earlier reports were written to."""
    reports = {(runs / REPORT_FOLDER).resolve(), (out or runs / REPORT_FOLDER).resolve()}
    return [folder for folder in find_folders(runs) if folder.resolve() not in reports or (folder / "recipe.yaml").exists()]


def _why_none(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return "expected run folders, found none; training makes one: python -m kcifar.train --stages stages/quickstart.yaml"
    reasons = "; ".join(one_line(f"{entry.folder.name}: {entry.reason}") for entry in skipped[:3])
    return f"no run that can be reported: {reasons}{f'; and {len(skipped) - 3} more' if len(skipped) > 3 else ''}"


def _make_folder(out: Path) -> None:
    if (out / "recipe.yaml").exists():
        raise UserError(f"--out {out}: expected a folder for the report, got a run folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be made: {error.strerror}") from None


def _write_section(section: Section, runs: Sequence[SavedRun], out: Path) -> Any:
    """Write a section's files and return its table, if it has one."""
    try:
        table = section.table(runs) if section.table else None
        if table is not None:
            write_table(section, table, out)
        if section.figure:
            for run in runs:
                write_figure(section.figure, run, out / FIGURE_FOLDER / run.name / section.name)
        return table
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror or error}") from None


def _print_notes(console: Console, runs: Sequence[SavedRun], skipped: Sequence[Skipped]) -> None:
    """Name the runs that are not finished and the folders that are left out."""
    lines = [f"unfinished: {run.name}: {run.progress}{_reason(run)}" for run in runs if run.progress]
    lines += [f"skipped: {entry.folder}: {entry.reason}" for entry in skipped]
    for line in lines:
        console.print(Text(one_line(line, 400)), soft_wrap=True)
    if lines:
        console.print()


def _reason(run: SavedRun) -> str:
    return f": {run.status.reason}" if run.status.reason else ""


def _print_places(console: Console, runs: Sequence[SavedRun], out: Path) -> None:
    folder, each = (out / FIGURE_FOLDER / runs[0].name, "") if len(runs) == 1 else (out / FIGURE_FOLDER, ", a folder for each run")
    console.print(Text(f"tables:  {out} (CSV and Markdown)"), soft_wrap=True)
    console.print(Text(f"figures: {folder} (PNG and SVG{each})"), soft_wrap=True)
