"""kcifar from Python: each function does what the command of its name does, and returns an object to work with.

Errors of the user are one line, as on the command line (`UserError`), and name arguments as Python writes them.
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Union, get_args, get_origin

import numpy as np

from kcifar.core.checks import expect_choice
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.option_names import python_names
from kcifar.datasets import arrays
from kcifar.datasets.dataset import Dataset, Source
from kcifar.planning.plan import load_plan, make_plan
from kcifar.recipe.document import Document
from kcifar.recipe.load import Recipe
from kcifar.runs import run as saved_runs
from kcifar.runs.resuming import describe_resuming_seeds
from kcifar.runs.run import Run
from kcifar.training.progress import new_progress
from kcifar.training.request import make_request, make_seed_requests

if TYPE_CHECKING:
    from kcifar.reporting.result import ReportResult
    from kcifar.training.learning_rate_curve import LearningRateCurve

Arrays = tuple[np.ndarray, np.ndarray]
Data = str | Path | Dataset | Mapping[str, Arrays]
# What parameters take, where the annotation would not tell a newcomer.
_PAIR = "a pair (images, labels); the splits are from_arrays(train, test, validation)"
_DATA = "a path, a Dataset (as from kcifar.from_arrays) or a mapping {'train': (images, labels)}"
_EXPECTED = {
    **dict.fromkeys(("from_arrays.train", "from_arrays.test", "from_arrays.validation"), _PAIR),
    **dict.fromkeys(("train.data", "train_seeds.data", "find_learning_rate.data"), _DATA),
    "train_seeds.seeds": "several integers, such as range(3)",
}
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _public(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Check keywords and types before a call, and let messages name arguments as Python writes them."""
    parameters = inspect.signature(function).parameters
    takes_others = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    @functools.wraps(function)
    def call(*args: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        if not takes_others:
            _refuse_unknown_keywords(function.__name__, keywords, list(parameters))
        for name, value in [*zip(parameters, args, strict=False), *keywords.items()]:
            if name in parameters and not _fits(value, parameters[name].annotation):
                expected = _EXPECTED.get(f"{function.__name__}.{name}") or inspect.formatannotation(parameters[name].annotation)
                raise UserError(f"kcifar.{function.__name__}: {name}: expected {expected}, got {_describe_received(value)}")
        with python_names():
            return function(*args, **keywords)

    return call


def _describe_received(value: object) -> str:
    """Return a value on a short line; of arrays and what contains some, only the types."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    if isinstance(value, tuple | list) and any(isinstance(item, np.ndarray | tuple | list | Mapping) for item in value):
        return f"{type(value).__name__} of {one_line(', '.join(type(item).__name__ for item in value), 60)}"
    if isinstance(value, Mapping):
        return f"a mapping with {one_line(', '.join(map(repr, value)), 60) or 'no keys'}"
    return one_line(repr(value), 60)


def _refuse_unknown_keywords(function: str, keywords: Mapping[str, object], allowed: list[str]) -> None:
    for keyword in keywords:
        if keyword not in allowed:
            raise UserError(f"kcifar.{function}: unexpected keyword {keyword!r}{did_you_mean(keyword, allowed)} (allowed: {', '.join(allowed)})")


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type; what mappings contain is checked where it is used."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, choice) for choice in inner)
    if origin is tuple:
        return isinstance(value, tuple | list) and len(value) == len(inner) and all(map(_fits, value, inner))
    if origin is Sequence:
        return isinstance(value, list | tuple | range) and all(_fits(item, inner[0]) for item in value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    kind = origin or hint
    return not isinstance(kind, type) or isinstance(value, kind)


@_public
def train(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    data: Data | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    url: str | None = None,
    verbose: int = 1,
    **overrides: Any,
) -> Run:
    """Train all stages of a recipe, read the test split once, and return the saved run.

    Args:
        recipe: A YAML file, the name of a recipe that comes with kcifar, the same content as plain containers, or the result of
            `load_recipe`. None together with `resume=True` continues the recipe of the run.
        data: The files of the data set; or images and labels: a `Dataset`, or {"train": (images, labels), "test": …, "validation": …}.
        run: The run folder. Default: `runs/<recipe name>-seed<N>`.
        resume: Continue the run in the folder, or start it if there is none yet.
        overwrite: Delete the run in the folder and start again.
        url: A mirror to download the data set from.
        verbose: 0 prints nothing, 1 shows progress within each epoch, 2 prints one line per epoch.
        overrides: Values that replace those of the recipe: `seed=1`, or `**{"stages.0.epochs": 3}`.
    Raises:
        UserError: One line for each mistake: the place, what is allowed and what was received.
        TrainingFailed: The loss is not finite.
    Example:
        >>> run = kcifar.train("stages/quickstart.yaml", overwrite=True, verbose=0)  # doctest: +SKIP
        >>> run.test["accuracy"]  # doctest: +SKIP
        0.9916666666666667
    """
    _refuse_misspelled_overrides(train, overrides)
    path = data if isinstance(data, str | Path) else None
    dataset = _as_dataset(data) if data is not None and path is None else None
    request = make_request(
        _checked_recipe(recipe, overrides),
        None if run is None else Path(run),
        resume=resume,
        overwrite=overwrite,
        data=None if path is None else Path(path),
        url=url,
    )
    from kcifar.training.trainer import train_run  # imports the parts of the backend; the errors above need none

    return train_run(request, new_progress(verbose), dataset)


@_public
def train_seeds(
    recipe: str | Path | Mapping[str, Any],
    seeds: Sequence[int],
    data: Data | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    url: str | None = None,
    verbose: int = 1,
    **overrides: Any,
) -> list[Run]:
    """Train a recipe with several seeds, one after the other, and return the saved runs in the order of the seeds.

    Data are loaded once and programs compiled once; each run is bit-identical to one that `train` trains alone.

    Args:
        recipe: As for `train`, unless it is loaded already.
        seeds: Different integers >= 0, such as `range(3)` or [0, 1, 2].
        data: As for `train`.
        run: What the run folders' names begin with: `<run>-seed<N>`. Default: `runs/<recipe name>`.
        resume: Skip finished runs, continue interrupted ones, begin the others.
        overwrite: Delete the runs in the folders and start again.
        url: A mirror to download the data set from.
        verbose: As for `train`.
        overrides: As for `train`.
    Raises:
        UserError: One line that names the place, what is allowed and what was received.
        TrainingFailed: The loss of some seeds is not finite; the others are trained nevertheless.
    Example:
        >>> runs = kcifar.train_seeds("quickstart", range(3))  # doctest: +SKIP
        >>> sum(run.test["accuracy"] for run in runs) / len(runs)  # doctest: +SKIP
        0.987037037037037
    """
    _refuse_misspelled_overrides(train_seeds, overrides)
    if not seeds or "seed" in overrides:
        raise UserError(f"seeds: expected at least one seed, here and not as an override, got {', '.join(map(str, seeds)) or 'none'}")
    path = data if isinstance(data, str | Path) else None
    dataset = _as_dataset(data) if data is not None and path is None else None
    requests = make_seed_requests(
        [load_recipe(recipe, {**overrides, "seed": seed}) for seed in seeds],
        None if run is None else Path(run),
        resume=resume,
        overwrite=overwrite,
        data=None if path is None else Path(path),
        url=url,
    )
    from kcifar.training import seeds as training_of_seeds  # imports the parts of the backend; the errors above need none

    requests = [replace(request, resuming=describe_resuming_seeds(())) for request in requests]
    return training_of_seeds.train_seeds(requests, new_progress(verbose), dataset)


@_public
def evaluate(run: str | Path | Run, data: str | Path | None = None, *, split: str = "test", name: str | None = None) -> dict[str, Any]:
    """Return the metrics of a saved run on a split of its data, or on other images of its classes; a run trained with `test: never` is completed.

    Args:
        run: A finished run, or its folder.
        data: The files of the data set. Default: where the run found them. Or other images: folders named after the run's classes, an
            archive, a .npz with class_names or CIFAR's files. Their results are written to the run's folder `evaluations`.
        split: "test" or "validation".
        name: Name of an evaluation on other images. Default: the beginning of their checksum.
    Returns:
        What `test.json` contains: split, weights, samples, accuracy and cross_entropy (fractions and nats), one entry per class, and
        the confusion matrix.
    Raises:
        UserError: The run is not finished or has no such split, or the data are neither its own nor images of its classes.
    """
    from kcifar.training.evaluation import evaluate_run

    expect_choice("split", split, ("test", "validation"))
    return evaluate_run(_as_run(run), None if data is None else Path(data), split, name)


@_public
def report(
    runs: str | Path | Run | Sequence[str | Path | Run] | None = None,
    *,
    out: str | Path | None = None,
    sections: str | Sequence[str] | None = None,
    formats: str | Sequence[str] | None = None,
    title: str = "",
    published_log: str | Path | None = None,
    columns: str | Sequence[str] | None = None,
    reference: str = "",
) -> "ReportResult":
    """Return the tables and figures of saved runs by section, and write them where `out` says so; no backend is imported.

    Args:
        runs: One run or several, as `Run` or as folders. Default: all runs in the folder `runs`.
        out: The folder to write tables, figures and the page to. Default: nothing is written.
        sections: Names of sections, or "all". Default: all for up to 3 runs, the essential ones for up to 12, comparisons alone for more.
        formats: With `out`: any of csv, md, tex, html, png, svg, pdf, page. Default: all but pdf. With pdf, figures are also drawn as PDF.
        title: Title of the page. Default: the name of the run, or of the recipes.
        published_log: A CSV file with a published log (epoch, accuracy, val_accuracy as fractions) to compare the runs with.
        columns: Names of the columns that tables show, in this order. Default: all.
        reference: Name of the recipe that the ablation compares with. Default: the one with the most tested runs.
    Returns:
        `report["classes"].tables["classes"]` is a DataFrame, `report["history"].figures["history"]` a figure; a notebook shows both.
    Raises:
        UserError: A folder, a section or a format does not exist, no run can be read, there is nothing to show or to write in these formats,
            or `out` cannot be written.
    """
    from kcifar.reporting.build import choose_runs, render_report
    from kcifar.reporting.page.output_files import DEFAULT_FORMATS, FIGURE_FORMATS, choose_report_folder, write_report
    from kcifar.reporting.request import ReportRequest, split_names
    from kcifar.reporting.result import ReportResult

    given = [] if runs is None else [runs] if isinstance(runs, str | Path | Run) else list(runs)
    if runs is not None and not given:
        raise UserError("runs: expected at least one run, got none; without runs, all in the folder 'runs' are reported")
    paths = [entry.path if isinstance(entry, Run) else Path(entry) for entry in given]
    chosen_formats, chosen_sections, chosen_columns = (
        [] if names is None else split_names([names] if isinstance(names, str) else names, option)
        for names, option in ((formats, "formats"), (sections, "sections"), (columns, "columns"))
    )
    folder = None if out is None else Path(out)
    log = None if published_log is None else Path(published_log)
    request = ReportRequest(paths, Path("runs"), folder, chosen_formats or DEFAULT_FORMATS, chosen_sections, title, log, chosen_columns, reference)
    chosen = choose_runs(request)
    if folder is not None:
        choose_report_folder(folder, request.runs, chosen.runs[0].folder)
    rendered = render_report(request, chosen, [kind for kind in FIGURE_FORMATS if kind != "pdf" or kind in request.formats])
    if folder is not None:
        write_report(rendered, request.formats, folder)
    return ReportResult(rendered)


@_public
def export(run: str | Path | Run, out: str | Path | None = None, *, format: str = "saved_model", overwrite: bool = False) -> Path:
    """Write an inference model of a saved run, verify it by loading it in another process, and return its path.

    Args:
        run: A finished run, or its folder.
        out: The folder to create. Default: `<run>/saved_model`.
        format: "saved_model".
        overwrite: Replace an earlier export.
    Raises:
        UserError: The run is not finished, the folder exists, or TensorFlow is not installed.
        ExportFailed: The exported model does not predict what the run predicted.
    """
    from kcifar.exporting.saved_model import export_saved_model

    expect_choice("format", format, ("saved_model",))
    opened = _as_run(run)
    target = opened.path / format if out is None else Path(out)
    export_saved_model(opened, target, overwrite=overwrite)
    return target


@_public
def build_model(name: str, image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10, **arguments: Any) -> Any:
    """Return an untrained network of the zoo, as a `keras.Model`.

    Args:
        name: As in a recipe's `model.name`; `python -m kcifar.models` lists all.
        image_shape: Height, width and channels of the images.
        num_classes: Number of logits, > 0.
        arguments: The network's own arguments; `python -m kcifar.models NAME` lists them.
    Returns:
        keras.Model: normalized float32 images (batch, height, width, channels) to float32 logits (batch, num_classes).
    Raises:
        UserError: No such network or argument, or a value or an image size that it does not take.
    """
    from kcifar.engine.backend import load_backend
    from kcifar.models import build

    _refuse_misspelled_arguments(build_model, arguments)
    load_backend()
    return build.build_model(name, image_shape, num_classes, **arguments)


@_public
def load_dataset(name: str, data: str | Path | None = None, *, url: str | None = None, **arguments: Any) -> Dataset:
    """Return a data set: uint8 images (count, height, width, 3) and int64 labels of each split, and the class names.

    Args:
        name: As in a recipe's `dataset.name`: cifar10, cifar100, digits, folder, npz.
        data: Its files. Default: the cached ones, else a download.
        url: A mirror to download from.
        arguments: The data set's own arguments, such as `image_size=64` of a folder.
    Raises:
        UserError: No such data set or argument, or files that are missing or damaged.
    """
    from kcifar.datasets import load

    _refuse_misspelled_arguments(load_dataset, arguments)
    return load.load_dataset(name, arguments, Source(None if data is None else Path(data), url, print))


@_public
def find_learning_rate(
    recipe: str | Path | Mapping[str, Any] | Recipe, data: Data | None = None, *, url: str | None = None, **overrides: Any
) -> "LearningRateCurve":
    """Run a learning-rate range test on the first stage of a recipe; nothing is saved.

    Args:
        recipe: As for `train`.
        data: As for `train`.
        url: A mirror to download the data set from.
        overrides: Values that replace those of the recipe.
    Returns:
        The learning rates and losses of the test; `.suggestion` is the middle of the rates at which the loss falls, or None, for
        which `.reason` says why.
    Raises:
        UserError: What training would refuse.
    """
    from kcifar.training.learning_rate_finder import run_range_test

    _refuse_misspelled_overrides(find_learning_rate, overrides)
    checked = _checked_recipe(recipe, overrides)
    if checked is None:
        raise UserError("recipe: expected a recipe file, its content or a Recipe, got None")
    if data is None or isinstance(data, str | Path):
        return run_range_test(make_plan(checked), None if data is None else Path(data), url)
    return run_range_test(make_plan(checked), None, url, _as_dataset(data))


@_public
def load_recipe(source: str | Path | Mapping[str, Any], overrides: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """Read a recipe and check all of it: its structure, its parts, and keys that must fit each other.

    Args:
        source: A YAML file, the name of a recipe that comes with kcifar, or the same content as plain containers; each may extend another.
        overrides: A mapping from key path to value, or "key.path=value" texts as for `--set`. A stage is given by its index, from 0, or
            its name, "stages.1.epochs" or "stages.refine.epochs"; "stages.*.epochs" means all stages.
    Raises:
        UserError: One line for each mistake, in the order of the file: file, line, key, what is allowed, what was received.
    """
    return load_plan(source, overrides).recipe


open_run = _public(saved_runs.open_run)
from_arrays = _public(arrays.from_arrays)


def _checked_recipe(recipe: str | Path | Mapping[str, Any] | Recipe | None, overrides: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe with its overrides; None stays None."""
    if isinstance(recipe, Recipe) or recipe is None:
        if overrides:
            reason = "a resumed run keeps its own recipe" if recipe is None else "this recipe is checked already: pass them to load_recipe"
            raise UserError(f"{next(iter(overrides))}: unexpected override; {reason}")
        return recipe
    return load_recipe(recipe, overrides)


def _refuse_misspelled_overrides(function: Callable[..., Any], overrides: Mapping[str, Any]) -> None:
    """Refuse a keyword that is neither a parameter nor a key of a recipe, with the nearest of both."""
    keywords = [name for name in inspect.signature(function).parameters if name != "overrides"]
    for key in overrides:
        if key.split(".")[0] not in Document.model_fields:
            raise UserError(f"unexpected keyword {key!r}{did_you_mean(key, [*keywords, *Document.model_fields])}")


def _refuse_misspelled_arguments(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a keyword that is nearly a parameter of ours; the others are arguments of a part, which checks them."""
    keywords = [name for name in inspect.signature(function).parameters if name != "arguments"]
    for key in arguments:
        if difflib.get_close_matches(key, keywords, cutoff=0.75):
            raise UserError(f"unexpected keyword {key!r}{did_you_mean(key, keywords)}")


def _as_run(run: str | Path | Run) -> Run:
    return run if isinstance(run, Run) else open_run(run)


def _as_dataset(data: Any) -> Dataset:
    if isinstance(data, Dataset):
        return data
    allowed = ("train", "test", "validation", "class_names", "name")
    if not isinstance(data, Mapping) or "train" not in data:
        raise UserError(f"data: expected a path, a Dataset or a mapping with 'train': (images, labels), got {one_line(repr(data), 60)}")
    for key in data:
        expect_choice("data", str(key), allowed)
    return arrays.from_arrays(**data)
