"""Evaluate a saved run on its test or validation split. This completes a run that was trained with `test: never`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app
from kcifar.core.options import Imports

app = make_app(__doc__ or "")


class Split(StrEnum):
    """What to evaluate on."""

    TEST = "test"
    VALIDATION = "validation"


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    data: Annotated[Path | None, typer.Option(help="The data set's files.  [default: those that the run was trained with]")] = None,
    import_: Imports = None,
    split: Annotated[Split, typer.Option(help="The split to evaluate on.")] = Split.TEST,
) -> None:
    """Parse, evaluate, exit."""
    from kcifar.core.user_parts import import_parts
    from kcifar.runs.run import open_run

    import_parts(import_)
    opened = open_run(run)
    from kcifar.training.evaluation import evaluate_run
    from kcifar.training.metrics import format_metrics

    print("\n".join(format_metrics(evaluate_run(opened, data, split.value))))
