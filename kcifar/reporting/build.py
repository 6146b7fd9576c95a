"""The complete report: read the runs, render each section, write the files and the page, print the tables."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas
from rich.console import Console

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.option_names import name_option
from kcifar.reporting.page.named_columns import choose_columns
from kcifar.reporting.page.names import join_names
from kcifar.reporting.page.output_files import FORMATS, choose_figure_formats, choose_report_folder, write_report
from kcifar.reporting.page.report import Report
from kcifar.reporting.page.terminal import print_report
from kcifar.reporting.rendering import render_runs, start_details
from kcifar.reporting.request import ALL, ReportRequest, check_names, choose_sections
from kcifar.reporting.section import Section
from kcifar.runs.csv_files import read_published_log
from kcifar.runs.find import find_folders, find_run
from kcifar.runs.folder import PREDICTIONS_FILE
from kcifar.runs.load import LoadedRun, SkippedFolder, load_runs

# Up to MAX_WHOLE runs are shown in full, up to MAX_DETAILED with the essential sections; more are only compared. Named sections are always shown.
MAX_WHOLE, MAX_DETAILED = 3, 12
PUBLISHED_LOG = "published_log"  # the section that shows `ReportRequest.published_log`
ABLATION = "ablation"  # the section that compares with `ReportRequest.reference`


@dataclass(frozen=True)
class ReportRuns:
    """The runs that are reported, and the sections that are shown.

    Attributes:
        runs: The runs that could be read.
        skipped: Folders that could not, with their reasons.
        sections: The chosen sections; those that compare runs are rendered once.
        run_sections: Those of them that are rendered for each run.
    """

    runs: Sequence[LoadedRun]
    skipped: Sequence[SkippedFolder]
    sections: Sequence[Section]
    run_sections: Sequence[Section]


def build_report(request: ReportRequest, console: Console) -> Path:
    """Write the report of saved runs, then print its tables.

    Returns:
        The folder of the report.
    Raises:
        UserError: A folder or a section does not exist, no run can be read, there is nothing to show, or the folder cannot be written.
    """
    chosen = choose_runs(request)
    out = choose_report_folder(request.out, request.runs, chosen.runs[0].folder)
    report = render_report(request, chosen, choose_figure_formats(request.formats))
    written = write_report(report, request.formats, out)
    print_report(console, report, written)  # after the files: a closed pipe must not cost them
    return out


def choose_runs(request: ReportRequest) -> ReportRuns:
    """Read the runs and choose the sections that are shown; nothing is rendered.

    Raises:
        UserError: A folder, a section or a format does not exist, or no run can be read.
    """
    check_names(name_option("format"), request.formats, FORMATS)
    sections = choose_sections(request.sections)
    published = _read_published(request, sections)
    folders = [find_run(path, request.runs) for path in request.paths] or find_folders(request.runs)
    runs, skipped = load_runs(folders)
    runs = _mark_reference([replace(run, published=published) for run in runs], request, sections)
    if _choose_run_sections(sections, request, len(runs)):
        runs, damaged = _separate_damaged(runs)
        skipped = [*skipped, *damaged]
    if not runs:
        raise UserError(f"{request.paths[0] if request.paths else request.runs}: {_explain_no_runs(skipped)}")
    return ReportRuns(runs, skipped, sections, _choose_run_sections(sections, request, len(runs)))


def render_report(request: ReportRequest, chosen: ReportRuns, kinds: Sequence[str]) -> Report:
    """Render every section, with figures in these formats; nothing is written.

    Raises:
        UserError: No section has anything to show.
    """
    runs, shown = chosen.runs, chosen.run_sections
    with start_details(runs if shown else [], shown, kinds) as begun:
        overview = render_runs(runs, chosen.sections, kinds)
        details = list(begun)
    empty = _find_empty_sections(request, {section.name for part in (overview, *details) for section in part})
    if not overview and not any(details):
        raise UserError(f"{name_option('sections')}: {_describe_empty(runs, empty)}")
    notes = _make_notes(runs, chosen.skipped) + _describe_hidden_sections(chosen.sections, shown)
    notes += [_describe_empty(runs, empty)] if empty else []
    return choose_columns(Report(request.title or _make_title(runs), runs, overview, details, notes), request.columns)


def _find_empty_sections(request: ReportRequest, rendered: Container[str]) -> list[str]:
    """Return the sections that were asked for by name and have no content."""
    return [name for name in request.sections if name != ALL and name not in rendered]


def _describe_empty(runs: Sequence[LoadedRun], names: Sequence[str]) -> str:
    return f"nothing to show for {'this run' if len(runs) == 1 else 'these runs'} in {', '.join(names)}"


def _read_published(request: ReportRequest, sections: Sequence[Section]) -> pandas.DataFrame | None:
    """Read the published log that the runs are compared with."""
    if request.published_log is None:
        return None
    if PUBLISHED_LOG not in [section.name for section in sections]:
        option, sections_option = name_option("published-log"), name_option("sections")
        raise UserError(f"{option}: expected {PUBLISHED_LOG} among {sections_option}, got {', '.join(request.sections)}")
    try:
        return read_published_log(request.published_log)
    except UserError as error:
        raise UserError(f"{name_option('published-log')}: {error}") from None


def _mark_reference(runs: Sequence[LoadedRun], request: ReportRequest, sections: Sequence[Section]) -> list[LoadedRun]:
    """Mark the runs of the recipe that the ablation compares with."""
    if not request.reference:
        return list(runs)
    option = name_option("reference")
    if ABLATION not in [section.name for section in sections]:
        raise UserError(f"{option}: expected {ABLATION} among {name_option('sections')}, got {', '.join(request.sections)}")
    marked = [replace(run, is_reference=request.reference in (run.recipe.name, run.name)) for run in runs]
    if runs and not any(run.is_reference for run in marked):
        names = list(dict.fromkeys([*(run.recipe.name for run in runs), *(run.name for run in runs)]))
        recipes = one_line(", ".join(dict.fromkeys(run.recipe.name for run in runs)))
        raise UserError(f"{option}: expected a recipe of these runs ({recipes}), got {request.reference!r}{did_you_mean(request.reference, names)}")
    return marked


def _separate_damaged(runs: Sequence[LoadedRun]) -> tuple[list[LoadedRun], list[SkippedFolder]]:
    """Separate the runs whose arrays can be read from those whose arrays are damaged."""
    whole, damaged = [], []
    for run in runs:
        try:
            run.check_arrays()
            whole.append(run)
        except UserError as error:
            damaged.append(SkippedFolder(run.folder, str(error), run.name))
    return whole, damaged


def _explain_no_runs(skipped: Sequence[SkippedFolder]) -> str:
    if not skipped:
        return "expected run folders, found none; train a run with: python -m kcifar.train --stages quickstart"
    reasons = "; ".join(one_line(f"{entry.name}: {entry.reason}") for entry in skipped[:3])
    return f"no run can be reported: {reasons}{f'; and {len(skipped) - 3} more' if len(skipped) > 3 else ''}"


def _choose_run_sections(sections: Sequence[Section], request: ReportRequest, runs: int) -> list[Section]:
    """Return the sections shown for each run: the more runs, the fewer sections, unless the user names them."""
    of_run = [section for section in sections if section.of_run]
    if request.sections or runs <= MAX_WHOLE:
        return of_run
    return [section for section in of_run if section.essential and runs <= MAX_DETAILED]


def _describe_hidden_sections(sections: Sequence[Section], shown: Sequence[Section]) -> list[str]:
    """Name the sections that are not shown for each run because there are too many runs."""
    names = [section.name for section in sections if section.of_run and section not in shown]
    if not names:
        return []
    option = name_option("sections", ALL)
    where = f"{option} shows them" if shown else f"at most {MAX_DETAILED} runs are shown one by one; {option} shows them"
    return [f"not shown for each run: {', '.join(names)}; {where}"]


def _make_notes(runs: Sequence[LoadedRun], skipped: Sequence[SkippedFolder]) -> list[str]:
    """Name the unfinished runs, the skipped folders, and the runs without saved predictions."""
    lines = [f"unfinished: {run.name}: {run.progress}{f': {run.status.reason}' if run.status.reason else ''}" for run in runs if run.progress]
    lines += [f"skipped: {entry.name}: {entry.reason}" for entry in skipped]
    unkept = [run.name for run in runs if run.test and not (run.folder / PREDICTIONS_FILE).exists()]
    lines += [f"no {PREDICTIONS_FILE}, so no analysis of single predictions: {join_names(unkept)}"] if unkept else []
    return [one_line(line, 400) for line in lines]


def _make_title(runs: Sequence[LoadedRun]) -> str:
    """Name the page after its only run, or after the number of runs and their recipes."""
    if len(runs) == 1:
        return runs[0].name
    recipes = list(dict.fromkeys(run.recipe.name for run in runs))
    return f"{len(runs)} runs of {one_line(', '.join(recipes[:4]), 120)}{f' and {len(recipes) - 4} more recipes' if len(recipes) > 4 else ''}"
