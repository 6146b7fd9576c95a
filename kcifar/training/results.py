"""What a run leaves when its last epoch is done: the model, the one look at the test part, predictions and examples."""

from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.files import complete_file, write_json
from kcifar.planning.prepared_data import PreparedData
from kcifar.runs.folder import EXAMPLES, PREDICTIONS, TEST, RunFolder, load_saved_model
from kcifar.training.metrics import accuracy, cross_entropy, example_arrays, metrics, prediction_arrays
from kcifar.training.test_time_views import Logits, logits_over_views


def save_model(model: Any, path: Path) -> None:
    """Save a Keras model; the file is complete or absent."""
    with complete_file(path) as partial:
        model.save(partial)


def load_weights(model: Any, path: Path) -> None:
    """Give a model the weights of a saved model of the same architecture."""
    model.set_weights(load_saved_model(path).get_weights())


def write_results(folder: RunFolder, data: PreparedData, logits: Logits, selected: str, test: str, views: int = 1) -> dict[str, Any] | None:
    """Predict validation and (if `test` is "end") the test part, and write `predictions.npz`, `examples.npz` and `test.json`.

    Args:
        folder: The run.
        data: Its parts.
        logits: Gives the logits of the images of an array at some indices, from the selected weights.
        selected: Which weights those are: "last" or "best".
        test: "end" or "never".
        views: Test-time views that are reported beside the single one, under "views"; 1 for none.
    Returns:
        What `test.json` holds, or None if the test part was not looked at.
    """
    predictions: dict[str, np.ndarray] = {}
    examples: dict[str, np.ndarray] = {}
    if data.validation is not None:
        indices = data.validation_indices
        found = logits(data.validation.images, indices)
        predictions |= prediction_arrays("validation", data.validation.labels[indices], found, indices)
        examples = example_arrays(data.validation, found, indices, "validation")
    results = None
    if data.dataset.test is not None and test == "end":
        part, indices = data.dataset.test, np.arange(len(data.dataset.test))
        found = logits(part.images, indices)
        predictions |= prediction_arrays("test", part.labels, found, indices)
        examples = example_arrays(part, found, indices, "test")
        results = {"split": "test", "weights": selected} | metrics(found, part.labels, data.dataset.class_names)
        if views > 1:
            several = logits_over_views(logits, part.images, indices, views)
            results["views"] = {
                "count": views,
                "accuracy": accuracy(several, part.labels),
                "cross_entropy": cross_entropy(several, part.labels),
            }
    if predictions:
        folder.write_arrays(PREDICTIONS, predictions)
        folder.write_arrays(EXAMPLES, examples)
    if results is not None:
        write_json(folder / TEST, results)
    return results
