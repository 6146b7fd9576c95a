"""Evaluates the model of a saved run, on the run's own data or on other images of the same classes: what `python -m kcifar.evaluate` does."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.lazy import keras
from kcifar.core.option_names import name_option
from kcifar.datasets.class_checks import describe_absent_classes
from kcifar.datasets.dataset import Source, Split
from kcifar.engine.backend import check_backend, load_backend
from kcifar.engine.network import predict
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.runs.folder import TEST_FILE, RunFolder
from kcifar.runs.resuming import check_finished
from kcifar.runs.run import Run
from kcifar.training.metrics import compute_metrics
from kcifar.training.other_data import check_name, load_other_images, write_evaluation
from kcifar.training.request import make_run_plan
from kcifar.training.results import write_results
from kcifar.training.resume_checks import check_data_place
from kcifar.training.test_time_views import Logits


def evaluate_run(run: Run, data: Path | None, split: str, name: str | None = None) -> dict[str, Any]:
    """Return the metrics of a split.

    If it is the run's own test split and the run has no `test.json`, that and the predictions are written too. Other images of the same
    classes are matched by class name; their metrics and predictions are written to the run's folder `evaluations`, apart from its own.

    Args:
        run: A finished run.
        data: The run's data set, or other images; None for the files that the run was trained with.
        split: "test" or "validation".
        name: Name of the files of an evaluation on other images; None: the beginning of their checksum.
    Raises:
        UserError: The run is unfinished or has no such split, or the data are neither its own nor images of its classes.
    """
    check_finished(run)
    check_name(name)
    check_backend()
    try:
        prepared, reason = _prepare_own_data(run, data), ""
    except UserError as error:
        if data is None:
            raise
        prepared, reason = None, str(error)
    if prepared is None and data is not None:
        return _evaluate_other(run, data, split, name, reason)
    if prepared is None:
        raise UserError(f"{run.dataset['name']}: expected the images and labels that {run.path} was trained on, got others")
    if name is not None:
        raise UserError(f"{name_option('name', name)}: expected images other than the run's own, whose results are in {TEST_FILE}")
    return _evaluate_own(run, prepared, split)


def _evaluate_other(run: Run, data: Path, split: str, name: str | None, reason: str) -> dict[str, Any]:
    """Evaluate images that are not the run's own; if they are refused, also say why they are not its own."""
    try:
        images = load_other_images(run, data, split, print)
    except UserError as error:
        others = f" (as the run's data set: {one_line(reason)})" if reason not in ("", str(error)) else ""
        raise UserError(f"{error}{others}") from None
    for line in describe_absent_classes(tuple(run.dataset["class_names"]), images.split.labels):
        print(f"{data}: {line}")
    load_backend()
    return write_evaluation(run, data, split, images, _make_logits_function(run.load_model()), name)


def _evaluate_own(run: Run, prepared: PreparedData, split: str) -> dict[str, Any]:
    part, indices = _find_split(prepared, split)
    load_backend()
    logits = _make_logits_function(run.load_model())
    if split == "test" and not (run.path / TEST_FILE).exists():
        folder = RunFolder(run.path)
        with folder.lock():
            results = write_results(folder, prepared, logits, run.recipe["select"], "end", run.recipe["stages"][-1].get("views", 1))
        if results is not None:
            return results
    metrics = compute_metrics(logits(part.images, indices), part.labels[indices], prepared.dataset.class_names)
    return {"split": split, "weights": run.recipe["select"]} | metrics


def _prepare_own_data(run: Run, data: Path | None) -> PreparedData | None:
    """Return the data that a run was trained on; None if those found are others.

    Raises:
        UserError: The run was given its data from Python, or the files are not of its data set's form.
    """
    source = run.dataset.get("source", {})
    said: list[str] = []
    _check_data_of_files(run)
    path = data or _find_recorded_path(run, source)
    prepared = prepare_data(make_run_plan(None, run.path), Source(path, source.get("url"), said.append))
    if prepared.description["content_sha256"] != run.dataset["content_sha256"]:
        return None
    for line in said:
        print(line)
    return prepared


def _check_data_of_files(run: Run) -> None:
    if run.dataset["name"] != run.recipe["dataset"]["name"]:
        given = f"the run was given its data from Python (data set {run.dataset['name']!r})"
        raise UserError(f"{run.path}: {given}, so there are no files to evaluate; name images of its classes with {name_option('data')}")


def _find_recorded_path(run: Run, source: dict[str, Any]) -> Path | None:
    """Return the path that the run was trained with; None if it named none."""
    if not source.get("data"):
        return None
    path = Path(source["data"])
    check_data_place(path, run.path)
    return path


def _find_split(data: PreparedData, split: str) -> tuple[Split, np.ndarray]:
    if split == "validation" and data.validation is not None:
        return data.validation, data.validation_indices
    if split == "test" and data.dataset.test is not None:
        return data.dataset.test, np.arange(len(data.dataset.test))
    raise UserError(f"{name_option('split', split)}: the run has no {split} split")


def _make_logits_function(model: Any) -> Logits:
    """Return a function from images and indices to logits, from a saved model (whose last layer makes probabilities)."""
    return partial(predict, keras.Model(model.input, model.get_layer("probabilities").input))
