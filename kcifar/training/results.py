"""What a finished run leaves: the model, the only evaluation on the test split, predictions and examples."""

from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.files import complete_file, write_json
from kcifar.planning.prepared_data import PreparedData
from kcifar.runs.folder import EXAMPLES_FILE, PREDICTIONS_FILE, TEST_FILE, RunFolder, load_saved_model
from kcifar.training.metrics import choose_examples, compute_metrics, compute_scores, make_prediction_arrays
from kcifar.training.test_time_views import Logits, average_logits_over_views


def save_model(model: Any, path: Path) -> None:
    """Save a Keras model; the file is complete or absent."""
    with complete_file(path) as partial:
        model.save(partial)


def load_weights(model: Any, path: Path) -> None:
    """Give a model the weights of a saved model of the same architecture."""
    model.set_weights(load_saved_model(path).get_weights())


def write_results(folder: RunFolder, data: PreparedData, logits: Logits, selected: str, test: str, views: int = 1) -> dict[str, Any] | None:
    """Predict the validation split and (if `test` is "end") the test split, and write `predictions.npz`, `examples.npz` and `test.json`.

    Args:
        folder: The run.
        data: Its splits.
        logits: Gives the logits of the images of an array at some indices, from the selected weights.
        selected: Which weights those are: "last" or "best".
        test: "end" or "never".
        views: Test-time views to average over; that result is reported alongside the usual one, under "views". 1 for none.
    Returns:
        The contents of `test.json`, or None if the test split was not predicted.
    """
    predictions: dict[str, np.ndarray] = {}
    examples: dict[str, np.ndarray] = {}
    if data.validation is not None:
        part, indices = data.validation, data.validation_indices
        predicted = logits(part.images, indices)
        predictions |= make_prediction_arrays("validation", part.labels[indices], predicted, indices)
        examples = choose_examples(part, predicted, indices, "validation")
    results = None
    if data.dataset.test is not None and test == "end":
        part, indices = data.dataset.test, np.arange(len(data.dataset.test))
        predicted = logits(part.images, indices)
        predictions |= make_prediction_arrays("test", part.labels, predicted, indices)
        examples = choose_examples(part, predicted, indices, "test")
        results = {"split": "test", "weights": selected} | compute_metrics(predicted, part.labels, data.dataset.class_names)
        if views > 1:
            averaged = average_logits_over_views(logits, part.images, indices, views)
            results["views"] = {"count": views} | compute_scores(averaged, part.labels)
    if predictions:
        folder.write_arrays(PREDICTIONS_FILE, predictions)
        folder.write_arrays(EXAMPLES_FILE, examples)
    if results is not None:
        write_json(folder / TEST_FILE, results)
    return results
