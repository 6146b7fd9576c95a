"""Reloads a SavedModel in a process of its own, without Keras, and compares it with what the run predicted.

python -m kcifar.exporting.check_saved_model RUN OUT REFERENCE
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kcifar.runs.folder import EXAMPLES, PREDICTIONS
from kcifar.runs.run import Run, open_run

# Largest difference of a probability. float32: other kernels and batch sizes round differently. bfloat16 and float16 keep 8 and 11
# digits (binary) of every activation, and a probability can move by as much as a few of their units.
TOLERANCE = {"float32": 1e-4, "mixed_float16": 1e-2, "mixed_bfloat16": 5e-2}


def check_saved_model(run: Run, out: Path, reference: Path) -> str:
    """Compare both signatures with the Keras model and, where the run stored predictions of the same images, with those.

    Returns:
        One line with the number of images and the largest difference.
    Raises:
        ValueError: A difference above the tolerance of the run's precision, or outputs of another form.
    """
    loaded = tf.saved_model.load(str(out))
    with np.load(reference, allow_pickle=False) as arrays:
        saved = dict(arrays)
    answer = loaded.signatures["serving_default"](images=tf.constant(saved["images"]))
    probabilities = _checked_answer(answer, len(saved["images"]), len(run.dataset["class_names"]))
    limit = TOLERANCE.get(run.environment["precision"], 1e-4)
    largest = _compare(probabilities, saved["probabilities"], limit, "the Keras model")
    _compare(_from_bytes(loaded, saved), saved["probabilities"][:16], limit, "the Keras model (encoded images)")
    stored = _stored_probabilities(run)
    if stored is not None:
        largest = max(largest, _compare(probabilities, stored, limit, "the run's stored predictions"))
    against = "the run's stored predictions" if stored is not None else "the Keras model"
    return f"reloaded and compared with {against} on {len(probabilities)} images: largest difference {largest:.1e}"


def _checked_answer(answer: dict[str, Any], count: int, classes: int) -> np.ndarray:
    probabilities, ids = answer["probabilities"].numpy(), answer["class_ids"].numpy()
    if probabilities.shape != (count, classes) or probabilities.dtype != np.float32 or ids.dtype != np.int64:
        raise ValueError(
            f"expected float32 ({count}, {classes}) and int64 ({count},), got {probabilities.dtype} {probabilities.shape} and {ids.dtype} {ids.shape}"
        )
    if not np.array_equal(ids, probabilities.argmax(axis=1)):
        raise ValueError("class_ids are not the largest probabilities")
    return np.asarray(probabilities)


def _from_bytes(loaded: Any, saved: dict[str, np.ndarray]) -> np.ndarray:
    texts = [saved[f"png_{k}"].tobytes() for k in range(min(16, len(saved["images"])))]
    return np.asarray(loaded.signatures["serve_image_bytes"](image_bytes=tf.constant(texts))["probabilities"])


def _stored_probabilities(run: Run) -> np.ndarray | None:
    """Return the run's own predictions of its example images, or None if it stored none."""
    if not ((run.path / EXAMPLES).exists() and (run.path / PREDICTIONS).exists()):
        return None
    with np.load(run.path / EXAMPLES, allow_pickle=False) as examples:
        split, indices = str(examples["split"][0]), examples["indices"]
    rows = np.searchsorted(run.predictions[f"{split}_indices"], indices)
    return np.asarray(run.predictions[f"{split}_probabilities"][rows])


def _compare(found: np.ndarray, expected: np.ndarray, limit: float, what: str) -> float:
    largest = float(np.abs(found - expected).max())
    if not largest <= limit:
        raise ValueError(f"a probability differs from {what} by {largest:.3g}; expected at most {limit:g}")
    return largest


if __name__ == "__main__":
    print(check_saved_model(open_run(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
