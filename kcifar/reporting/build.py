"""The whole report: read the runs, render each section, write its files and the page, print its tables."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from kcifar.errors import UserError, one_line
from kcifar.reporting.load import SavedRun, Skipped, find_folders, find_run, read_runs
from kcifar.reporting.output import write_report
from kcifar.reporting.printing import print_report
from kcifar.reporting.rendering import Report, details_begun, render_runs
from kcifar.reporting.request import FORMATS, Request, check_names, chosen_sections

REPORT_FOLDER = "report"
MAX_DETAILED = 12  # runs; more are compared only, unless sections are named


def build_report(request: Request, console: Console) -> Path:
    """Write the report of saved runs, then print its tables.

    Returns:
        The folder it was written to.
    Raises:
        UserError: A folder or a section does not exist, no run can be read, or the folder cannot be written.
    """
    check_names("--format", request.formats, FORMATS)
    sections = chosen_sections(request.sections)
    folders = [find_run(path, request.runs) for path in request.given] or _candidates(request.runs, request.out)
    saved, skipped = read_runs(folders)
    detailed = len(saved) <= MAX_DETAILED or bool(request.sections)
    if detailed:
        saved, damaged = _whole(saved)
        skipped = [*skipped, *damaged]
    if not saved:
        raise UserError(f"{request.given[0] if request.given else request.runs}: {_why_none(skipped)}")
    out = request.out or saved[0].folder.parent / REPORT_FOLDER
    _make_folder(out)
    with details_begun(saved if detailed else [], sections) as begun:
        overview = render_runs(saved, sections)
        details = list(begun)
    notes = _notes(saved, skipped, detailed)
    if not overview and not any(details):
        notes.append(f"nothing to say of {'this run' if len(saved) == 1 else 'these runs'} in {', '.join(request.sections)}")
    report = Report(request.title or _title(saved), saved, overview, details, notes)
    write_report(report, request.formats, out)
    print_report(console, report, request.formats, out)  # after the files: a closed pipe must not cost them
    return out


def _candidates(runs: Path, out: Path | None) -> list[Path]:
    """All folders in `runs` but those that earlier reports were written to."""
    reports = {(runs / REPORT_FOLDER).resolve(), (out or runs / REPORT_FOLDER).resolve()}
    return [folder for folder in find_folders(runs) if folder.resolve() not in reports or (folder / "recipe.yaml").exists()]


def _whole(runs: Sequence[SavedRun]) -> tuple[list[SavedRun], list[Skipped]]:
    """Part the runs whose arrays can be read from those where they are damaged."""
    whole, damaged = [], []
    for run in runs:
        try:
            run.check_arrays()
            whole.append(run)
        except UserError as error:
            damaged.append(Skipped(run.folder, str(error)))
    return whole, damaged


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


def _notes(runs: Sequence[SavedRun], skipped: Sequence[Skipped], detailed: bool) -> list[str]:
    """Name the runs that are not finished, the folders that are left out, and the details that are."""
    lines = [f"unfinished: {run.name}: {run.progress}{f': {run.status.reason}' if run.status.reason else ''}" for run in runs if run.progress]
    lines += [f"skipped: {entry.folder.name}: {entry.reason}" for entry in skipped]
    if not detailed:
        lines.append(f"details of single runs are shown for up to {MAX_DETAILED} runs, or where --sections names them")
    return [one_line(line, 400) for line in lines]


def _title(runs: Sequence[SavedRun]) -> str:
    """Name the page after its runs: the one, or how many of which recipes."""
    if len(runs) == 1:
        return runs[0].name
    recipes = list(dict.fromkeys(run.recipe.name for run in runs))
    return f"{len(runs)} runs of {one_line(', '.join(recipes[:4]), 120)}{f' and {len(recipes) - 4} more recipes' if len(recipes) > 4 else ''}"
