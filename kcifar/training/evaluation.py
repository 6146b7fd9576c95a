"""Evaluates the model of a saved run on the run's own data: what `python -m kcifar.evaluate` does."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.core.option_names import name_option
from kcifar.datasets.dataset import Source, Split
from kcifar.engine.backend import check_backend, load_backend
from kcifar.engine.network import predict
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.runs.folder import TEST_FILE, RunFolder
from kcifar.runs.resuming import check_finished
from kcifar.runs.run import Run
from kcifar.training.metrics import compute_metrics
from kcifar.training.request import make_run_plan
from kcifar.training.results import write_results


def evaluate_run(run: Run, data: Path | None, split: str) -> dict[str, Any]:
    """Return the metrics of a split; if it is the test split and the run has no `test.json`, write that and the predictions too.

    Args:
        run: A finished run.
        data: The data set's files, or None for those that the run was trained with.
        split: "test" or "validation".
    Raises:
        UserError: The run is unfinished or has no such split, or the data are not those that it was trained on.
    """
    check_finished(run)
    check_backend()
    prepared = _prepare_same_data(run, data)
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


def _prepare_same_data(run: Run, data: Path | None) -> PreparedData:
    """Load the data that a run was trained on, and refuse any other."""
    if run.dataset["name"] != run.recipe["dataset"]["name"]:
        raise UserError(f"{run.path}: the run was given its data from Python (data set {run.dataset['name']!r}), so there are no files to evaluate")
    source = run.dataset.get("source", {})
    path = data or (Path(source["data"]) if source.get("data") else None)
    prepared = prepare_data(make_run_plan(None, run.path), Source(path, source.get("url"), print))
    if prepared.description["content_sha256"] != run.dataset["content_sha256"]:
        raise UserError(f"{path or run.dataset['name']}: expected the images and labels that {run.path} was trained on, got others")
    return prepared


def _find_split(data: PreparedData, split: str) -> tuple[Split, np.ndarray]:
    if split == "validation" and data.validation is not None:
        return data.validation, data.validation_indices
    if split == "test" and data.dataset.test is not None:
        return data.dataset.test, np.arange(len(data.dataset.test))
    raise UserError(f"{name_option('split', split)}: the run has no {split} split")


def _make_logits_function(model: Any) -> Any:
    """Return a function from images and indices to logits, from a saved model (whose last layer makes probabilities)."""
    return partial(predict, keras.Model(model.input, model.get_layer("probabilities").input))
