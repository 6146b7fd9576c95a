"""`python -m kcifar.report`: tables, figures and a page from saved runs. No backend is imported."""

import gc
import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app
from kcifar.core.errors import UserError

# Importing and drawing make hundreds of thousands of objects that stay; Python would look through them dozens of times (default: 700).
_OBJECTS_UNTIL_COLLECTION = 100_000

app = make_app("Make tables, figures and a page from saved runs.")

_FORMATS_HELP = "Comma-separated: csv, md, tex, html (tables), png, svg, pdf (figures), page (report.html).  [default: all but pdf]"
_SECTIONS_HELP = "Comma-separated names of sections, or all.  [default: all for up to 3 runs, the essential ones for up to 12]"

Given = Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="Run folders, or names of runs in --runs.  [default: all runs in --runs]")]
Runs = Annotated[Path, typer.Option(metavar="DIR", help="The folder that contains the runs.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the files go.  [default: 'report' next to the first run]")]
Formats = Annotated[list[str] | None, typer.Option("--format", metavar="LIST", help=_FORMATS_HELP)]
Sections = Annotated[list[str] | None, typer.Option(metavar="LIST", help=_SECTIONS_HELP)]
Title = Annotated[str, typer.Option(metavar="TEXT", help="Title of the page.  [default: the run's name, or the recipes']")]
Published = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="A published log to draw alongside the runs, with columns epoch, accuracy and val_accuracy (fractions)."),
]
Columns = Annotated[
    list[str] | None, typer.Option(metavar="LIST", help="Comma-separated names of the tables' columns, in this order.  [default: all]")
]
Reference = Annotated[str, typer.Option(metavar="RECIPE", help="The recipe that the ablation compares with.  [default: that with the most runs]")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


@app.command()
def main(
    run: Given = None,
    runs: Runs = Path("runs"),
    out: Out = None,
    formats: Formats = None,
    sections: Sections = None,
    title: Title = "",
    published_log: Published = None,
    columns: Columns = None,
    reference: Reference = "",
    show: Open = False,
) -> None:
    """Print the tables of saved runs, and write them with figures and a page into a folder.

    Up to 3 runs are shown in detail. Several runs are compared, and up to 12 are also shown in brief. CSV files contain accuracies as
    fractions. Folders that are not runs, or damaged, are named and skipped; unfinished runs are shown up to their last saved epoch.
    """
    gc.set_threshold(_OBJECTS_UNTIL_COLLECTION)
    from rich.console import Console

    from kcifar.reporting.build import build_report
    from kcifar.reporting.page.output_files import DEFAULT_FORMATS, PAGE_FORMAT
    from kcifar.reporting.request import ReportRequest, split_names
    from kcifar.runs.find import REPORT_PAGE

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal's encoding lacks must not end the report
    chosen = split_names(formats, "--format") if formats is not None else DEFAULT_FORMATS
    if show and PAGE_FORMAT not in chosen:
        raise UserError(f"--open: expected {PAGE_FORMAT} among --format, got {', '.join(chosen)}")
    named = split_names(sections, "--sections") if sections is not None else []
    shown = split_names(columns, "--columns") if columns is not None else []
    folder = build_report(ReportRequest(run or [], runs, out, chosen, named, title, published_log, shown, reference), Console())
    if show:
        import webbrowser

        webbrowser.open((folder / REPORT_PAGE).resolve().as_uri())
