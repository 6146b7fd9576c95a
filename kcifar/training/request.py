"""What the trainer is asked to do, decided before anything is written: which recipe, which folder, from the start or resumed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from kcifar.core.checks import Path as KeyPath
from kcifar.core.checks import dotted
from kcifar.core.errors import UserError, one_line
from kcifar.core.option_names import name_option
from kcifar.planning.plan import Plan, make_plan
from kcifar.recipe.load import Recipe, load_recipe
from kcifar.runs.folder import DATASET_FILE, RECIPE_FILE, RunFolder, read_json
from kcifar.runs.run import open_run

_MAX_DIFFERENCES = 5


@dataclass(frozen=True)
class TrainingRequest:
    """A checked request.

    Attributes:
        plan: What to run; for a resumed run, as the run itself saved it.
        folder: Where.
        resume: Whether to continue the folder's run.
        overwrite: Whether a run in the folder may be replaced.
        data: The `--data` path; for a resumed run, the one it began with unless another is given.
        url: The `--url` mirror, or None.
        imports: The user's files that register parts; a run that needs them needs them again when it is resumed.
        command: The command line, for the record; empty from Python.
        resuming: The command that continues this run and all that are trained with it; None if this run is alone.
    """

    plan: Plan
    folder: RunFolder
    resume: bool
    overwrite: bool
    data: Path | None
    url: str | None
    imports: tuple[Path, ...] = ()
    command: tuple[str, ...] = ()
    resuming: str | None = None


def make_request(
    recipe: Recipe | None, run: Path | None, *, resume: bool, overwrite: bool, data: Path | None = None, url: str | None = None
) -> TrainingRequest:
    """Decide what to do.

    Args:
        recipe: What the user wrote, or None to resume a run with its own recipe.
        run: The run folder, or None for `runs/<recipe name>-seed<N>`.
        resume: Continue the folder's run (or begin, if there is none yet).
        overwrite: Delete the folder's run and begin again.
        data: Where the data set's files are.
        url: A mirror to download from.
    Raises:
        UserError: Options that contradict each other, a folder that cannot be used, a recipe that differs from the run's.
    """
    if resume and overwrite:
        raise UserError(f"expected {name_option('resume')} or {name_option('overwrite')}, got both: one keeps the run, the other deletes it")
    folder = RunFolder(run or _default_folder(recipe))
    if folder.path.exists() and not folder.path.is_dir():
        raise UserError(f"{folder.path}: expected a run folder, got a file")
    if resume and folder.has_run():
        return _resumed_request(recipe, folder, data, url)
    if recipe is None:
        received = f"none, and {folder.path} contains no run to resume" if resume else "none"
        raise UserError(f"{name_option('stages')}: expected a recipe file, got {received}")
    request = TrainingRequest(make_plan(recipe), folder, False, overwrite, data, url)
    check_folder(request)
    return request


def make_seed_requests(
    recipes: Sequence[Recipe], run: Path | None, *, resume: bool, overwrite: bool, data: Path | None = None, url: str | None = None
) -> list[TrainingRequest]:
    """Decide what to do for a recipe with several seeds, before any of them is trained.

    Args:
        recipes: The recipe with each seed.
        run: What the run folders' names begin with: `<run>-seed<N>`; None for `runs/<recipe name>`.
        resume: Skip finished runs, continue interrupted ones, begin the others.
        overwrite: Delete the runs in the folders and begin again.
        data: Where the data set's files are.
        url: A mirror to download from.
    Raises:
        UserError: As `make_request`, or a seed is given twice.
    """
    seeds = [recipe.document.seed for recipe in recipes]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{name_option('seeds')}: expected different seeds, got {', '.join(map(str, seeds))}")
    if run is not None and run.name in ("", ".."):
        raise UserError(f"{name_option('run', run)}: expected a name that the run folders of the seeds begin with, got none")
    folders = [None if run is None else run.with_name(f"{run.name}-seed{seed}") for seed in seeds]
    return [
        make_request(recipe, folder, resume=resume, overwrite=overwrite, data=data, url=url) for recipe, folder in zip(recipes, folders, strict=True)
    ]


def check_folder(request: TrainingRequest) -> None:
    """Refuse a folder that cannot be used; checked again under the folder's lock, since another process may have begun meanwhile.

    Raises:
        UserError: The folder contains a run that is neither to be resumed nor to be replaced, or files of something else.
    """
    path = request.folder.path
    if request.folder.has_run() and not (request.resume or request.overwrite):
        raise UserError(
            f"{path}: there is already a run; use {name_option('resume')} to continue it, {name_option('overwrite')} to replace it, "
            f"or {name_option('run', 'FOLDER')} to choose another folder"
        )
    if request.folder.has_other_files():
        raise UserError(
            f"{path}: expected a new folder or a run folder, got one with other files in it; use {name_option('run', 'FOLDER')} to choose another"
        )


def make_run_plan(recipe: Recipe | None, run: Path | None) -> Plan:
    """Return the plan of a recipe, or of the recipe that a run saved; nothing is written, and the folder may be in use."""
    if recipe is None and run is None:
        raise UserError(f"{name_option('stages')}: expected a recipe file (or {name_option('run')} with a run folder), got neither")
    return make_plan(recipe if recipe is not None else load_recipe(open_run(run or "").path / RECIPE_FILE))


def _default_folder(recipe: Recipe | None) -> Path:
    if recipe is None:
        raise UserError(f"{name_option('stages')}: expected a recipe file (or {name_option('resume')} with {name_option('run')}), got neither")
    return Path("runs") / f"{recipe.name}-seed{recipe.document.seed}"


def _resumed_request(recipe: Recipe | None, folder: RunFolder, data: Path | None, url: str | None) -> TrainingRequest:
    plan = make_plan(load_recipe(folder / RECIPE_FILE))
    if recipe is not None:
        _check_same_recipe(folder, plan.to_dict(), make_plan(recipe).to_dict())
    source = (read_json(folder / DATASET_FILE) or {}).get("source", {})
    saved = source.get("data")
    return TrainingRequest(plan, folder, True, False, data or (Path(saved) if saved else None), url or source.get("url"))


def _check_same_recipe(folder: RunFolder, saved: Mapping[str, Any], received: Mapping[str, Any]) -> None:
    """Refuse a recipe that would train another run; `precision: auto` agrees with whatever the run chose."""
    if received["precision"] == "auto":
        received = {**received, "precision": saved["precision"]}
    differences = list(_find_differences(saved, received, ()))
    if differences:
        listed = [f"{dotted(path)}: the run has {before}, got {now}" for path, before, now in differences[:_MAX_DIFFERENCES]]
        more = [f"and {len(differences) - _MAX_DIFFERENCES} more"] if len(differences) > _MAX_DIFFERENCES else []
        raise UserError(f"{folder.path}: the recipe differs from the run's in {'; '.join([*listed, *more])}")


def _find_differences(saved: Any, received: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield the path of each value that differs, and both values; of parts with different names, the names alone."""
    if isinstance(saved, dict) and isinstance(received, dict):
        is_other_part = len(path) > 0 and saved.get("name") != received.get("name") and not _is_stage(path)
        keys = ["name"] if is_other_part else [*saved, *(key for key in received if key not in saved)]
        pairs = [(key, saved.get(key), received.get(key)) for key in keys]
    elif isinstance(saved, list) and isinstance(received, list):
        pairs = [(index, *values) for index, values in enumerate(zip_longest(saved, received))]
    else:
        if saved != received:
            yield path, *_shorten(repr(saved), repr(received))
        return
    for key, before, now in pairs:
        yield from _find_differences(before, now, (*path, key))


def _is_stage(path: KeyPath) -> bool:
    """Whether a mapping is a stage, which keeps its settings under another name."""
    return len(path) == 2 and path[0] == "stages"


def _shorten(saved: str, received: str, limit: int = 60) -> tuple[str, str]:
    """Return two texts of at most `limit` characters, from shortly before the first character that differs."""
    same = next((index for index, (a, b) in enumerate(zip(saved, received, strict=False)) if a != b), min(len(saved), len(received)))
    start = max(0, same - 10) if max(len(saved), len(received)) > limit else 0
    before, now = (one_line(f"{'…' if start else ''}{text[start:]}", limit) for text in (saved, received))
    return before, now
