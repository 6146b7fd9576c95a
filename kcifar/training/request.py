"""What is asked of the trainer, decided before anything is written: which recipe, which folder, from the start or going on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcifar.core.checks import Path as KeyPath
from kcifar.core.checks import dotted
from kcifar.core.errors import UserError, one_line
from kcifar.planning.plan import Plan, make_plan
from kcifar.recipe.load import Recipe, load_recipe
from kcifar.runs.folder import DATASET, RECIPE, RunFolder, read_json
from kcifar.runs.run import open_run


@dataclass(frozen=True)
class Job:
    """A checked request.

    Attributes:
        plan: What to run; of a resumed run, as the run itself saved it.
        folder: Where.
        resume: Whether to go on with what the folder holds.
        overwrite: Whether a run in the folder may be replaced.
        data: The `--data` path; of a resumed run, the one it began with unless another is given.
        url: The `--url` mirror, or None.
        imports: The user's files that register parts; a run that needs them needs them again to go on.
        command: The command line, for the record; empty from Python.
    """

    plan: Plan
    folder: RunFolder
    resume: bool
    overwrite: bool
    data: Path | None
    url: str | None
    imports: tuple[Path, ...] = ()
    command: tuple[str, ...] = ()


def make_job(recipe: Recipe | None, run: Path | None, *, resume: bool, overwrite: bool, data: Path | None = None, url: str | None = None) -> Job:
    """Decide what to do.

    Args:
        recipe: What the user wrote, or None to go on with a run's own.
        run: The run folder, or None for `runs/<recipe name>-seed<N>`.
        resume: Go on with the folder's run (or begin, if there is none yet).
        overwrite: Delete the folder's run and begin again.
        data: Where the data set's files are.
        url: A mirror to download from.
    Raises:
        UserError: Options that contradict each other, a folder that is in the way, a recipe that differs from the run's own.
    """
    if resume and overwrite:
        raise UserError("expected --resume or --overwrite, got both: one keeps the run, the other deletes it")
    folder = RunFolder(run or _default_folder(recipe))
    if folder.path.exists() and not folder.path.is_dir():
        raise UserError(f"{folder.path}: expected a run folder, got a file")
    if resume and folder.holds_a_run():
        return _resumed_job(recipe, folder, data, url)
    if recipe is None:
        found = f"{folder.path} holds no run to go on with" if resume else "none"
        raise UserError(f"--stages: expected a recipe file, got {found}")
    job = Job(make_plan(recipe), folder, False, overwrite, data, url)
    check_folder(job)
    return job


def check_folder(job: Job) -> None:
    """Refuse a folder that is in the way; asked again under the folder's lock, since another process may have begun meanwhile.

    Raises:
        UserError: The folder holds a run that is neither to be gone on with nor to be replaced, or somebody else's files.
    """
    path = job.folder.path
    if job.folder.holds_a_run() and not (job.resume or job.overwrite):
        raise UserError(f"{path}: there is a run already; go on with it by --resume, replace it by --overwrite, or choose another folder with --run")
    if job.folder.is_foreign():
        raise UserError(f"{path}: expected a new folder or a run folder, got one with other files in it; choose another with --run")


def make_run_plan(recipe: Recipe | None, run: Path | None) -> Plan:
    """Return the plan of a recipe, or of the recipe that a run saved; nothing is written, no folder is in the way."""
    if recipe is None and run is None:
        raise UserError("--stages: expected a recipe file (or --run with a run folder), got neither")
    return make_plan(recipe if recipe is not None else load_recipe(open_run(run or "").path / RECIPE))


def _default_folder(recipe: Recipe | None) -> Path:
    if recipe is None:
        raise UserError("--stages: expected a recipe file (or --resume with --run), got neither")
    return Path("runs") / f"{recipe.name}-seed{recipe.document.seed}"


def _resumed_job(recipe: Recipe | None, folder: RunFolder, data: Path | None, url: str | None) -> Job:
    plan = make_plan(load_recipe(folder / RECIPE))
    if recipe is not None:
        _refuse_other_recipe(folder, plan.to_dict(), make_plan(recipe).to_dict())
    source = (read_json(folder / DATASET) or {}).get("source", {})
    saved = source.get("data")
    return Job(plan, folder, True, False, data or (Path(saved) if saved else None), url or source.get("url"))


def _refuse_other_recipe(folder: RunFolder, own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse a recipe that would train another run; `precision: auto` agrees with whatever the run chose."""
    if given["precision"] == "auto":
        given = {**given, "precision": own["precision"]}
    found = _first_difference(own, given, ())
    if found is not None:
        path, ours, theirs = found
        raise UserError(f"{folder.path}: the recipe differs from the run's own in {dotted(path)}: the run has {_short(ours)}, got {_short(theirs)}")


def _first_difference(own: Any, given: Any, path: KeyPath) -> tuple[KeyPath, Any, Any] | None:
    if isinstance(own, dict) and isinstance(given, dict):
        keys = [*own, *(key for key in given if key not in own)]
        pairs = [(key, own.get(key), given.get(key)) for key in keys]
    elif isinstance(own, list) and isinstance(given, list) and len(own) == len(given):
        pairs = [(index, one, other) for index, (one, other) in enumerate(zip(own, given, strict=True))]
    else:
        return None if own == given else (path, own, given)
    return next((found for key, one, other in pairs if (found := _first_difference(one, other, (*path, key)))), None)


def _short(value: Any) -> str:
    return one_line(repr(value), 60)
