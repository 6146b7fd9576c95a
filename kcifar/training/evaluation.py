"""A saved run's model on its own data again: what `python -m kcifar.evaluate` does."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.datasets.dataset import Part, Source
from kcifar.engine.backend import check_backend, load_backend
from kcifar.engine.network import predict
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.runs.folder import MODEL_FILE, TEST, RunFolder
from kcifar.runs.run import Run
from kcifar.training.metrics import metrics
from kcifar.training.request import make_run_plan
from kcifar.training.results import write_results


def evaluate_run(run: Run, data: Path | None, split: str) -> dict[str, Any]:
    """Return the metrics of a part; a run without `test.json` whose test part is asked for gets it, and its predictions.

    Args:
        run: A finished run.
        data: The data set's files, or None: where the run found them.
        split: "test" or "validation".
    Raises:
        UserError: The run is unfinished or has no such part, or the data are not those that it was trained on.
    """
    if not (run.path / MODEL_FILE).exists():
        raise UserError(f"{run.path}: expected a finished run (with {MODEL_FILE}); go on with python -m kcifar.train --resume --run {run.path}")
    check_backend()
    prepared = _prepared(run, data)
    part, indices = _chosen_part(prepared, split)
    load_backend()
    logits = _logits_of(run.load_model())
    if split == "test" and not (run.path / TEST).exists():
        folder = RunFolder(run.path)
        with folder.locked():
            written = write_results(folder, prepared, logits, run.recipe["select"], "end", run.recipe["stages"][-1].get("views", 1))
        if written is not None:
            return written
    found = metrics(logits(part.images, indices), part.labels[indices], prepared.dataset.class_names)
    return {"split": split, "weights": run.recipe["select"]} | found


def _prepared(run: Run, data: Path | None) -> PreparedData:
    if run.dataset["name"] != run.recipe["dataset"]["name"]:
        raise UserError(f"{run.path}: the run was given its data from Python (data set {run.dataset['name']!r}), so there are no files to evaluate")
    source = run.dataset.get("source", {})
    path = data or (Path(source["data"]) if source.get("data") else None)
    prepared = prepare_data(make_run_plan(None, run.path), Source(path, source.get("url"), print))
    if prepared.description["content_sha256"] != run.dataset["content_sha256"]:
        raise UserError(f"{path or run.dataset['name']}: expected the images and labels that {run.path} was trained on, got others")
    return prepared


def _chosen_part(data: PreparedData, split: str) -> tuple[Part, np.ndarray]:
    if split == "validation" and data.validation is not None:
        return data.validation, data.validation_indices
    if split == "test" and data.dataset.test is not None:
        return data.dataset.test, np.arange(len(data.dataset.test))
    raise UserError(f"--split {split}: the run has no {split} part")


def _logits_of(model: Any) -> Any:
    """Return a function from images and indices to logits, from a saved model (whose last layer makes probabilities)."""
    return partial(predict, keras.Model(model.input, model.get_layer("probabilities").input))
