"""`python -m kcifar.report`: tables and figures from saved runs. No backend is imported."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from kcifar.command import new_app, run_app

app = new_app("Make tables and figures from saved runs.")

Given = Annotated[list[Path] | None, typer.Argument(metavar="RUN", help="Run folders, or names of runs in --runs; none: all runs there.")]
Runs = Annotated[Path, typer.Option(metavar="DIR", help="The folder that holds the runs.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the files go; else into 'report' beside the first run.")]


@app.command()
def main(run: Given = None, runs: Runs = Path("runs"), out: Out = None) -> None:
    """Print the tables of saved runs and write them, with figures, into a folder.

    Written are runs, stages and classes (CSV with accuracies as fractions, Markdown with per cent) and for each run the figure of
    its history (PNG, SVG). Folders that are no runs, or damaged, are named and left out; unfinished runs are shown as far as they came.
    """
    from rich.console import Console

    from kcifar.reporting.build import build_report

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal's encoding lacks must not end the report
    build_report(run or [], runs, out, Console())


if __name__ == "__main__":
    run_app(app)
