"""Reloads a SavedModel in its own process, without Keras, and compares its predictions with the run's.

python -m kcifar.exporting.check_saved_model RUN OUT REFERENCE
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kcifar.runs.folder import EXAMPLES_FILE, PREDICTIONS_FILE
from kcifar.runs.run import Run, open_run

# The largest allowed difference of a probability. float32: other kernels and batch sizes round differently. bfloat16 and float16 keep 8
# and 11 binary digits of every activation, and a probability can differ by a few units of the last one.
TOLERANCE = {"float32": 1e-4, "mixed_float16": 1e-2, "mixed_bfloat16": 5e-2}


def check_saved_model(run: Run, out: Path, reference: Path) -> str:
    """Compare both signatures with the Keras model and, if the run stored predictions of the same images, with those.

    Returns:
        One line with the number of images and the largest difference.
    Raises:
        ValueError: A difference above the tolerance of the run's precision, or outputs of another shape or dtype.
    """
    loaded = tf.saved_model.load(str(out))
    with np.load(reference, allow_pickle=False) as arrays:
        saved = dict(arrays)
    outputs = loaded.signatures["serving_default"](images=tf.constant(saved["images"]))
    probabilities = _check_outputs(outputs, len(saved["images"]), len(run.dataset["class_names"]))
    limit = TOLERANCE.get(run.environment["precision"], 1e-4)
    largest = _compare(probabilities, saved["probabilities"], limit, "the Keras model")
    _compare(_predict_encoded(loaded, saved), saved["probabilities"][:16], limit, "the Keras model (encoded images)")
    stored = _load_stored_probabilities(run)
    if stored is not None:
        largest = max(largest, _compare(probabilities, stored, limit, "the run's stored predictions"))
    reference_name = "the run's stored predictions" if stored is not None else "the Keras model"
    return f"reloaded and compared with {reference_name} on {len(probabilities)} images: largest difference {largest:.1e}"


def _check_outputs(outputs: dict[str, Any], count: int, classes: int) -> np.ndarray:
    """Return the probabilities after checking shapes, dtypes and class ids."""
    probabilities, ids = outputs["probabilities"].numpy(), outputs["class_ids"].numpy()
    if probabilities.shape != (count, classes) or probabilities.dtype != np.float32 or ids.dtype != np.int64:
        raise ValueError(
            f"expected float32 ({count}, {classes}) and int64 ({count},), got {probabilities.dtype} {probabilities.shape} and {ids.dtype} {ids.shape}"
        )
    if not np.array_equal(ids, probabilities.argmax(axis=1)):
        raise ValueError("class_ids are not the indices of the largest probabilities")
    return np.asarray(probabilities)


def _predict_encoded(loaded: Any, saved: dict[str, np.ndarray]) -> np.ndarray:
    encoded = [saved[f"png_{k}"].tobytes() for k in range(min(16, len(saved["images"])))]
    return np.asarray(loaded.signatures["serve_image_bytes"](image_bytes=tf.constant(encoded))["probabilities"])


def _load_stored_probabilities(run: Run) -> np.ndarray | None:
    """Return the run's predictions of its example images, or None if it stored none."""
    if not ((run.path / EXAMPLES_FILE).exists() and (run.path / PREDICTIONS_FILE).exists()):
        return None
    with np.load(run.path / EXAMPLES_FILE, allow_pickle=False) as examples:
        split, indices = str(examples["split"][0]), examples["indices"]
    rows = np.searchsorted(run.predictions[f"{split}_indices"], indices)
    return np.asarray(run.predictions[f"{split}_probabilities"][rows])


def _compare(probabilities: np.ndarray, expected: np.ndarray, limit: float, reference_name: str) -> float:
    """Return the largest difference after checking it against the limit; a difference that is not a number fails too."""
    largest = float(np.abs(probabilities - expected).max())
    if not largest <= limit:
        raise ValueError(f"a probability differs from {reference_name} by {largest:.3g}; expected at most {limit:g}")
    return largest


if __name__ == "__main__":
    print(check_saved_model(open_run(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
