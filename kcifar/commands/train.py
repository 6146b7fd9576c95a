"""Train all stages of a recipe, evaluate the model once on the test split, and save the run."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import make_app
from kcifar.core.errors import UserError
from kcifar.core.options import STAGES_HELP, Data, Imports, SeedCount, SeedList, Settings, Url, list_overrides, list_seeds
from kcifar.core.output_paths import check_picture_path

app = make_app(__doc__ or "")
Option = typer.Option


@app.command(help=__doc__)
def main(
    stages: Annotated[Path | None, Option(metavar="RECIPE", help=STAGES_HELP)] = None,
    data: Data = None,
    run: Annotated[
        Path | None, Option(metavar="FOLDER", help="The run folder; with several seeds FOLDER-seed<N>.  [default: runs/<recipe name>-seed<N>]")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Continue the run in the folder, or begin it; --stages is needed only to begin.")] = False,
    overwrite: Annotated[bool, Option("--overwrite", help="Delete the run in the folder and start again.")] = False,
    seed: SeedList = None,
    seeds: SeedCount = None,
    set_: Settings = None,
    import_: Imports = None,
    url: Url = None,
    plot_schedule: Annotated[
        Path | None,
        Option(metavar="FILE", help="Only draw learning rate, momentum and weight decay (.png or .svg)."),
    ] = None,
    find_lr: Annotated[bool, Option("--find-lr", help="Only run a learning-rate range test; its curve is saved in find-lr/.")] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Only show steps, data, network, and estimates of time and memory; nothing is downloaded.")
    ] = False,
    full: Annotated[bool, Option("--full", help="With --dry-run: also show the resolved recipe.")] = False,
) -> None:
    """Parse, train, exit."""
    from kcifar.core.user_parts import import_parts
    from kcifar.planning.plan import load_plan
    from kcifar.training.request import make_run_plan

    import_parts(import_)
    chosen = list_seeds(seed, seeds)
    texts: Sequence[str | None] = chosen or [None]
    if stages is None and (set_ or chosen):
        raise UserError("--set, --seed, --seeds: expected together with --stages; a resumed run keeps its own recipe")
    recipes = [] if stages is None else [load_plan(stages, list_overrides(set_, text)).recipe for text in texts]
    previews = [name for name, is_chosen in (("--dry-run", dry_run), ("--find-lr", find_lr), ("--plot-schedule", plot_schedule)) if is_chosen]
    if len(previews) > 1:
        raise UserError(f"{', '.join(previews)}: expected one of them, got {len(previews)}")
    if len(recipes) > 1 and previews:
        raise UserError(f"{previews[0]}: expected one seed, got {len(recipes)}")
    if full and not dry_run:
        raise UserError("--full: expected together with --dry-run")
    if previews:
        plan = make_run_plan(recipes[0] if recipes else None, run)
        return _show_plan(plan, data, url, full, bool(import_)) if dry_run else _preview(plan, data, url, plot_schedule)
    options = {"resume": resume, "overwrite": overwrite, "data": data, "url": url}
    _train(recipes, run, [path.absolute() for path in import_ or ()], options)


def _train(recipes: list[Any], run: Path | None, imports: list[Path], options: dict[str, Any]) -> None:
    """Train one run, or one of each seed."""
    from kcifar.engine.backend import get_backend_name
    from kcifar.runs.resuming import describe_resuming_seeds
    from kcifar.training.progress import new_progress
    from kcifar.training.request import make_request, make_seed_requests

    command = ("python", "-m", "kcifar.train", *sys.argv[1:])
    if len(recipes) > 1:
        requests = make_seed_requests(recipes, run, **options)
        resuming = describe_resuming_seeds(sys.argv[1:], get_backend_name())
        from kcifar.training.seeds import train_seeds  # imports the parts of the backend; the errors above need none

        recorded = [replace(request, imports=tuple(imports), command=command, resuming=resuming) for request in requests]
        train_seeds(recorded, new_progress())
    else:
        request = make_request(recipes[0] if recipes else None, run, **options)
        from kcifar.training.trainer import train_run

        train_run(replace(request, imports=tuple(imports), command=command), new_progress())


def _show_plan(plan: Any, data: Path | None, url: str | None, is_full: bool, has_user_parts: bool) -> None:
    from kcifar.training.dry_run import print_plan, print_recipe

    print_plan(plan, data, url, Path("runs"), has_user_parts=has_user_parts)
    if is_full:
        print_recipe(plan)


def _preview(plan: Any, data: Path | None, url: str | None, picture: Path | None) -> None:
    """Draw the schedules, or run the range test; no run is trained."""
    if picture is not None:
        check_picture_path(picture, "--plot-schedule")
        from kcifar.training.schedule_figure import write_schedule_figure

        write_schedule_figure(plan, data, url, picture)
    else:
        from kcifar.training.learning_rate_finder import save_range_test

        save_range_test(plan, data, url, Path("find-lr"))
