"""`python -m kcifar.train`: train all stages of a recipe, read the test part once, save the run."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from kcifar.core.command import new_app
from kcifar.core.errors import Terminated, UserError

app = new_app(__doc__ or "")
Option = typer.Option


@app.command(help=__doc__)
def main(
    stages: Annotated[Path | None, Option(help="The recipe: a YAML file, or the name of a shipped recipe.")] = None,
    data: Annotated[Path | None, Option(help="The data set's files: an archive or a folder. Without it: what is cached, else a download.")] = None,
    run: Annotated[Path | None, Option(help="The run folder.  [default: runs/<recipe name>-seed<N>]")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in the folder; needs no --stages then.")] = False,
    overwrite: Annotated[bool, Option("--overwrite", help="Delete the run in the folder and begin again.")] = False,
    seed: Annotated[int | None, Option(help="Short for --set seed=N.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", metavar="KEY.PATH=VALUE", help="Replace a value: stages.1.epochs=3 or stages.refine.epochs=3.")
    ] = None,
    import_: Annotated[list[Path] | None, Option("--import", metavar="FILE.py", help="Register your own networks, augmentations, data sets.")] = None,
    url: Annotated[str | None, Option(help="A mirror to download the data set from.")] = None,
    plot_schedule: Annotated[Path | None, Option(metavar="PNG", help="Draw rate, momentum and weight decay of all stages; train nothing.")] = None,
    find_lr: Annotated[bool, Option("--find-lr", help="Learning-rate range test of the first stage; curve in find-lr/, nothing else.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show the resolved recipe, the network's size, steps and rates; train nothing.")] = False,
) -> None:
    """Parse, train, exit."""
    from kcifar.api import import_parts
    from kcifar.recipe.load import load_recipe
    from kcifar.training.request import make_job, make_run_plan

    import_parts(import_)
    overrides = [*(set_ or ()), *([] if seed is None else [f"seed={seed}"])]
    recipe = None if stages is None else load_recipe(stages, overrides)
    if recipe is None and overrides:
        raise UserError("--set, --seed: expected together with --stages; a run that goes on keeps its own recipe")
    looks = [name for name, asked in (("--dry-run", dry_run), ("--find-lr", find_lr), ("--plot-schedule", plot_schedule)) if asked]
    if len(looks) > 1:
        raise UserError(f"{', '.join(looks)}: expected one of them, got {len(looks)}")
    if looks:
        return _look(looks[0], make_run_plan(recipe, run), data, url, plot_schedule)
    job = make_job(recipe, run, resume=resume, overwrite=overwrite, data=data, url=url)
    signal.signal(signal.SIGTERM, _terminate)
    from kcifar.training.progress import new_progress
    from kcifar.training.trainer import train_job

    command = ("python", "-m", "kcifar.train", *sys.argv[1:])
    train_job(replace(job, imports=tuple(path.absolute() for path in import_ or ()), command=command), new_progress())


def _look(how: str, plan: Any, data: Path | None, url: str | None, picture: Path | None) -> None:
    """Show what would be trained, and train nothing that stays."""
    if picture is not None:
        from kcifar.pictures.saving import check_path

        check_path(picture, "--plot-schedule")
        from kcifar.training.schedule_figure import plot_schedule

        plot_schedule(plan, data, url, picture)
    elif how == "--find-lr":
        from kcifar.training.rate_finder import find_rate

        find_rate(plan, data, url, Path("find-lr"))
    else:
        from kcifar.training.dry_run import show_plan

        show_plan(plan, data, url)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
