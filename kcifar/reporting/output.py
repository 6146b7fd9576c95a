"""A report as files: tables and figures in every format, and the page."""

from collections.abc import Sequence
from pathlib import Path

from kcifar.errors import UserError
from kcifar.files import write_bytes, write_text
from kcifar.reporting.page import PageFigure, PagePart, PageSection, render_page
from kcifar.reporting.rendering import RenderedSection, Report
from kcifar.reporting.request import FIGURE_FORMATS, PAGE_FORMAT, TABLE_FORMATS
from kcifar.reporting.tables import of_several_runs, write_table

FIGURE_FOLDER = "figures"
PAGE = "report.html"
ALL_RUNS = "All runs"  # heading of what is said of all of them


def write_report(report: Report, formats: Sequence[str], out: Path) -> None:
    """Write tables, figures (those of a run in a folder of its name) and page, as far as `formats` names them.

    Raises:
        UserError: `out` cannot be written.
    """
    try:
        _write_tables(report, [kind for kind in formats if kind in TABLE_FORMATS], out)
        for name, sections in [("", report.overview), *report.detailed_runs]:
            _write_figures(sections, [kind for kind in formats if kind in FIGURE_FORMATS], out / FIGURE_FOLDER / name)
        if PAGE_FORMAT in formats:
            write_text(out / PAGE, render_page(report.title, _page_parts(report), report.notes))
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror or error}") from None


def places(formats: Sequence[str], out: Path) -> list[str]:
    """Say where the files are, in a line for each kind."""
    tables, figures = (", ".join(kind for kind in kinds if kind in formats) for kinds in (TABLE_FORMATS, FIGURE_FORMATS))
    page = [f"page:    {out / PAGE}"] if PAGE_FORMAT in formats else []
    return page + ([f"tables:  {out} ({tables})"] if tables else []) + ([f"figures: {out / FIGURE_FOLDER} ({figures})"] if figures else [])


def _write_tables(report: Report, kinds: Sequence[str], out: Path) -> None:
    """Write each table once: those of single runs one below the other, with a column that names the run."""
    for table in (table for section in report.overview for table in section.tables):
        write_table(table, out, kinds)
    of_runs = [(name, table) for name, sections in report.detailed_runs for section in sections for table in section.tables]
    for name in dict.fromkeys(table.name for _, table in of_runs):
        chosen = [(run, table) for run, table in of_runs if table.name == name]
        write_table(of_several_runs([run for run, _ in chosen], [table for _, table in chosen]), out, kinds)


def _write_figures(sections: Sequence[RenderedSection], kinds: Sequence[str], folder: Path) -> None:
    figures = [figure for section in sections for figure in section.figures]
    if figures and kinds:
        folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        for kind in kinds:
            write_bytes(folder / f"{figure.name}.{kind}", figure.png if kind == "png" else figure.svg)


def _page_parts(report: Report) -> list[PagePart]:
    named = ([(ALL_RUNS, report.overview)] if report.overview else []) + report.detailed_runs
    return [PagePart(name, [_page_section(section) for section in sections]) for name, sections in named]


def _page_section(section: RenderedSection) -> PageSection:
    figures = [PageFigure(figure.name, figure.svg, figure.caption, figure.text) for figure in section.figures]
    return PageSection(section.name, section.title, section.paragraphs, section.tables, figures)
