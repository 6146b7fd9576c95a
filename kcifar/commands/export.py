"""`python -m kcifar.export`: an inference model from a saved run, verified by reloading it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import new_app

app = new_app(__doc__ or "")


class Format(StrEnum):
    """What can be written."""

    SAVED_MODEL = "saved_model"


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.SAVED_MODEL,
    out: Annotated[Path | None, typer.Option(help="The folder to make.  [default: RUN/saved_model]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older export there.")] = False,
) -> None:
    """Parse, export, exit."""
    from kcifar.exporting.saved_model import export_saved_model
    from kcifar.runs.run import open_run

    target = out or run / format_.value
    found = export_saved_model(open_run(run), target, overwrite=overwrite)
    print(f"{target}: {found}")
