"""Export a saved run's model for inference, and verify the export by reloading it."""

from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app

app = make_app(__doc__ or "")
FORMATS = ("saved_model",)


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.")],
    format_: Annotated[str, typer.Option("--format", metavar=f"[{'|'.join(FORMATS)}]", help="The format to write.")] = FORMATS[0],
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder to create.  [default: RUN/saved_model]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older export in that folder.")] = False,
) -> None:
    """Parse, export, exit."""
    from kcifar.core.checks import expect_choice
    from kcifar.exporting.saved_model import export_saved_model
    from kcifar.runs.run import open_run

    expect_choice("--format", format_, FORMATS)
    target = out or run / format_
    comparison = export_saved_model(open_run(run), target, overwrite=overwrite, say=lambda line: print(line, flush=True))
    print(f"{target}: {comparison}")
