"""`python -m kcifar.evaluate`: metrics of a part of the data for a saved run; completes a run trained with `test: never`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import new_app

app = new_app(__doc__ or "")


class Split(StrEnum):
    """Which part."""

    TEST = "test"
    VALIDATION = "validation"


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    data: Annotated[Path | None, typer.Option(help="The data set's files.  [default: where the run found them]")] = None,
    import_: Annotated[list[Path] | None, typer.Option("--import", metavar="FILE.py", help="Register your own parts that the run names.")] = None,
    split: Annotated[Split, typer.Option(help="The part to evaluate.")] = Split.TEST,
) -> None:
    """Parse, evaluate, exit."""
    from kcifar.api import import_parts
    from kcifar.runs.run import open_run
    from kcifar.training.metrics import metrics_lines

    import_parts(import_)
    opened = open_run(run)
    from kcifar.training.evaluation import evaluate_run

    print("\n".join(metrics_lines(evaluate_run(opened, data, split.value))))
