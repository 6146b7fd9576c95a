"""Evaluate a saved run on its test or validation split, or on other images of the same classes.

This completes a run that was trained with `test: never`. Other images (a folder, an archive, a .npz or CIFAR's files) are matched by class
name; their results are written to the run's folder `evaluations` and never to test.json.
"""

from pathlib import Path
from typing import Annotated

import typer

from kcifar.core.command import make_app
from kcifar.core.options import Imports

app = make_app(__doc__ or "")
SPLITS = ("test", "validation")


@app.command(help=__doc__)
def main(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The run's data set, or other images of its classes.  [default: the files it was trained with]"),
    ] = None,
    import_: Imports = None,
    split: Annotated[str, typer.Option(metavar=f"[{'|'.join(SPLITS)}]", help="The split to evaluate on.")] = SPLITS[0],
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name of an evaluation on other images.  [default: from their checksum]")] = None,
) -> None:
    """Parse, evaluate, exit."""
    from kcifar.core.checks import expect_choice
    from kcifar.core.user_parts import import_parts
    from kcifar.runs.run import open_run

    expect_choice("--split", split, SPLITS)
    import_parts(import_)
    opened = open_run(run)
    from kcifar.training.evaluation import evaluate_run
    from kcifar.training.metrics import format_metrics

    print("\n".join(format_metrics(evaluate_run(opened, data, split, name))))
