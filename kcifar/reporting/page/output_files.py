"""Write a report to files: tables and figures in every format, and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kcifar.core.errors import UserError, one_line
from kcifar.core.files import write_bytes, write_text
from kcifar.core.option_names import name_option
from kcifar.reporting.page.arrangement import PagePart
from kcifar.reporting.page.html_page import render_page
from kcifar.reporting.page.report import RenderedSection, Report
from kcifar.reporting.page.table_files import join_runs, write_table
from kcifar.runs.find import REPORT_FOLDER, REPORT_PAGE, is_run

TABLE_FORMATS, FIGURE_FORMATS, PAGE_FORMAT = ("csv", "md", "tex", "html"), ("png", "svg", "pdf"), "page"
FORMATS = (*TABLE_FORMATS, *FIGURE_FORMATS, PAGE_FORMAT)
DEFAULT_FORMATS = tuple(kind for kind in FORMATS if kind != "pdf")  # a PDF is for papers; to draw it takes as long as the other two
FIGURE_FOLDER = "figures"
ALL_RUNS, REPRODUCTION = "All runs", "To train again"  # headings of the sections that cover all runs: before and after single runs


@dataclass(frozen=True)
class WrittenReport:
    """A written report: its folder, its files, and files of an earlier report in the same folder."""

    out: Path
    files: Sequence[Path]
    earlier: Sequence[Path]


def choose_figure_formats(formats: Sequence[str]) -> list[str]:
    """Return the formats in which figures have to be drawn for a report in these formats; the page shows the SVG."""
    return [kind for kind in FIGURE_FORMATS if kind in formats or (kind == "svg" and PAGE_FORMAT in formats)]


def choose_report_folder(asked: Path | None, runs: Path, first: Path) -> Path:
    """Return the folder of the report, which `write_report` creates.

    Args:
        asked: Chosen by the user; None: `report` next to the first run.
        runs: The folder that contains the runs.
        first: The first run's folder.
    Raises:
        UserError: It is a file, is in a run folder, or is the folder of the runs itself.
    """
    out = asked or _find_default_folder(first)
    inside = [folder for folder in (out.absolute(), *out.absolute().parents) if is_run(folder)]
    if inside or out.absolute() == runs.absolute():
        got = f"a folder in the run {inside[0].name}" if inside else "the folder that contains the runs"
        raise UserError(f"{name_option('out', out)}: expected a folder outside the runs, got {got}")
    return out


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{name_option('out', out)}: expected a folder, got a file") from None
    except OSError as error:
        raise UserError(f"{name_option('out', out)}: cannot be created: {error.strerror}") from None


def write_report(report: Report, formats: Sequence[str], out: Path) -> WrittenReport:
    """Write tables, figures (those of a run in a folder with its name) and the page, in the formats that are named.

    Raises:
        UserError: There is nothing to write in these formats, or `out` cannot be written.
    """
    _check_formats(report, formats)
    _make_folder(out)
    try:
        files = _write_tables(report, [kind for kind in formats if kind in TABLE_FORMATS], out)
        for name, sections in [("", report.overview), *report.detailed_runs]:
            files += _write_figures(sections, [kind for kind in formats if kind in FIGURE_FORMATS], out / FIGURE_FOLDER / name)
        if PAGE_FORMAT in formats:
            write_text(out / REPORT_PAGE, render_page(report.title, _make_page_parts(report), report.notes))
            files.append(out / REPORT_PAGE)
    except OSError as error:
        place = error.filename2 or error.filename or out
        raise UserError(f"{name_option('out', out)}: {place}: cannot be written: {error.strerror or error}") from None
    return WrittenReport(out, files, _find_earlier_files(out, files))


def _check_formats(report: Report, formats: Sequence[str]) -> None:
    """Check that the report has something in one of the formats, so that no empty folder is left."""
    sections = [section for each in (report.overview, *report.details) for section in each]
    tables, figures = any(section.tables for section in sections), any(section.figures for section in sections)
    kinds = {PAGE_FORMAT, *(TABLE_FORMATS if tables else ()), *(FIGURE_FORMATS if figures else ())}
    if kinds.isdisjoint(formats):
        names = ", ".join(dict.fromkeys(section.name for section in sections))
        raise UserError(f"{name_option('format')}: expected formats of what is in {names}, such as {PAGE_FORMAT}, got {', '.join(formats)}")


def describe_places(written: WrittenReport) -> list[str]:
    """Return one line per kind of file with its place, and one that names files of an earlier report."""
    lines = []
    for name, kinds, place in (("page", ["html"], ""), ("tables", TABLE_FORMATS, ""), ("figures", FIGURE_FORMATS, FIGURE_FOLDER)):
        files = [path for path in written.files if path.suffix[1:] in kinds and (path.name == REPORT_PAGE) == (name == "page")]
        formats = ", ".join(kind for kind in kinds if any(path.suffix[1:] == kind for path in files))
        if files:
            lines.append(f"{name + ':':8} {files[0] if name == 'page' else written.out / place}{'' if name == 'page' else f' ({formats})'}")
    if written.earlier:
        shown = ", ".join(str(path.relative_to(written.out)) for path in written.earlier[:3])
        more = f" and {len(written.earlier) - 3} more" if len(written.earlier) > 3 else ""
        lines.append(f"earlier: {one_line(shown)}{more} (not part of this report)")
    return lines


def _find_default_folder(first: Path) -> Path:
    return first.parent / REPORT_FOLDER if first.name not in ("", "..") else first.resolve().parent / REPORT_FOLDER


def _find_earlier_files(out: Path, files: Sequence[Path]) -> list[Path]:
    """Return the files of earlier reports in the folder."""
    endings = {f".{kind}" for kind in (*TABLE_FORMATS, *FIGURE_FORMATS)}
    report_files = [path for path in (*out.glob("*"), *(out / FIGURE_FOLDER).rglob("*")) if path.suffix in endings and path.name != "README.md"]
    return sorted(set(report_files) - set(files))


def _write_tables(report: Report, kinds: Sequence[str], out: Path) -> list[Path]:
    """Write each table once: those of single runs are concatenated, with a column that names the run."""
    tables = [table for section in report.overview for table in section.tables]
    of_runs = [(name, table) for name, sections in report.detailed_runs for section in sections for table in section.tables]
    for name in dict.fromkeys(table.name for _, table in of_runs):
        chosen = [(run, table) for run, table in of_runs if table.name == name]
        tables.append(join_runs([run for run, _ in chosen], [table for _, table in chosen]))
    return [path for table in tables for path in write_table(table, out, kinds)]


def _write_figures(sections: Sequence[RenderedSection], kinds: Sequence[str], folder: Path) -> list[Path]:
    figures = [figure for section in sections for figure in section.figures]
    if figures and kinds:
        folder.mkdir(parents=True, exist_ok=True)
    contents = {
        folder / f"{figure.name}.{kind}": {"png": figure.png, "svg": figure.svg, "pdf": figure.pdf}[kind] for figure in figures for kind in kinds
    }
    for path, content in contents.items():
        write_bytes(path, content)
    return list(contents)


def _make_page_parts(report: Report) -> list[PagePart]:
    """Return the parts of the page: what covers all runs, each run, and what comes last, such as how to reproduce the runs.

    The only run of a report is its first part, with everything else below it.
    """
    orders = [section.order for _, sections in report.detailed_runs for section in sections]
    before = [section for section in report.overview if not orders or section.order < min(orders)]
    after = report.overview[len(before) :]
    runs = [PagePart(name, sections) for name, sections in report.detailed_runs]
    if len(report.runs) == 1 and runs:
        return [PagePart(runs[0].title, [*runs[0].sections, *report.overview])]
    return [*([PagePart(ALL_RUNS, before)] if before else []), *runs, *([PagePart(REPRODUCTION, after)] if after else [])]
