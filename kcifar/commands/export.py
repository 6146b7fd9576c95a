"""Export a saved run's model for inference, and verify the export by reloading it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app

app = make_app(__doc__ or "")


class Format(StrEnum):
    """Formats that can be written."""

    SAVED_MODEL = "saved_model"


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.")],
    format_: Annotated[Format, typer.Option("--format", help="The format to write.")] = Format.SAVED_MODEL,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder to create.  [default: RUN/saved_model]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older export in that folder.")] = False,
) -> None:
    """Parse, export, exit."""
    from kcifar.exporting.saved_model import export_saved_model
    from kcifar.runs.run import open_run

    target = out or run / format_.value
    comparison = export_saved_model(open_run(run), target, overwrite=overwrite)
    print(f"{target}: {comparison}")
