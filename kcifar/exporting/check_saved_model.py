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
# The largest allowed difference of a pixel, of 0 to 255: CMYK differs by one, and so does resizing with Pillow before 13.
PIXEL_TOLERANCE = 1


def check_saved_model(run: Run, out: Path, reference: Path) -> str:
    """Reload an export and compare it; see `compare_with_run`."""
    with np.load(reference, allow_pickle=False) as arrays:
        return compare_with_run(run, tf.saved_model.load(str(out)).signatures, dict(arrays))


def compare_with_run(run: Run, signatures: Any, saved: dict[str, np.ndarray]) -> str:
    """Compare an export with the Keras model, with the run's own reading of picture files and, if the run stored any, with its predictions.

    Args:
        run: The run.
        signatures: Of the reloaded export, by name.
        saved: What `write_reference` saved.
    Returns:
        One line with what was compared and the largest differences.
    Raises:
        ValueError: A difference above the tolerance of the run's precision or of pixels, or outputs of another shape or dtype.
    """
    limit, classes = TOLERANCE.get(run.environment["precision"], 1e-4), len(run.dataset["class_names"])
    on_images = _check_images(run, signatures, saved, limit, classes)
    on_photos = _check_photos(signatures, saved, limit, classes)
    return f"reloaded and compared with {on_images}; {on_photos}{_describe_older_reading(run)}"


def _check_images(run: Run, signatures: Any, saved: dict[str, np.ndarray], limit: float, classes: int) -> str:
    """Compare probabilities for images of the network's own size."""
    outputs = signatures["serving_default"](images=tf.constant(saved["images"]))
    probabilities = _check_outputs(outputs, len(saved["images"]), classes)
    largest = _compare(probabilities, saved["probabilities"], limit, "the Keras model")
    stored = _load_stored_probabilities(run)
    if stored is not None:
        largest = max(largest, _compare(probabilities, stored, limit, "the run's stored predictions"))
    reference_name = "the run's stored predictions" if stored is not None else "the Keras model"
    return f"{reference_name} on {len(probabilities)} images: largest difference {largest:.1e}"


def _check_photos(signatures: Any, saved: dict[str, np.ndarray], limit: float, classes: int) -> str:
    """Compare pixels and probabilities for photos of other sizes and modes.

    If TensorFlow's pixels are not those of the run, the probabilities must be the model's for TensorFlow's.
    """
    files = tf.constant([saved[f"photo_{number}"].tobytes() for number in range(len(saved["photo_names"]))])
    pixels = signatures["read_image_bytes"](image_bytes=files)["images"].numpy()
    levels = _compare_pixels(pixels, saved["photo_pixels"], saved["photo_names"])
    probabilities = _check_outputs(signatures["serve_image_bytes"](image_bytes=files), len(pixels), classes)
    expected = signatures["serving_default"](images=tf.constant(pixels))["probabilities"].numpy()
    largest = _compare(probabilities, expected, limit, "that for the same pixels (encoded photos)")
    same = (pixels == saved["photo_pixels"]).all(axis=(1, 2, 3))
    largest = max(largest, _compare(probabilities[same], saved["photo_probabilities"][same], limit, "the Keras model (encoded photos)"))
    return (
        f"{len(pixels)} PNG and JPEG photos of other sizes and modes, read as the run reads files: {same.sum()} the same in every pixel, "
        f"largest difference {levels} of 255 in a pixel, {largest:.1e} in a probability"
    )


def _describe_older_reading(run: Run) -> str:
    """Say that a run trained on picture files before EXIF's orientation was applied saw some of them otherwise than its export will."""
    if "reading" in run.dataset or run.recipe["dataset"]["name"] != "folder":
        return ""
    return "; this run, of an older version, was trained on photos as cameras stored them: those with an EXIF orientation are turned upright now"


def _compare_pixels(pixels: np.ndarray, expected: np.ndarray, names: np.ndarray) -> int:
    """Return the largest difference of a pixel after checking it against the tolerance."""
    if pixels.shape != expected.shape or pixels.dtype != np.uint8:
        raise ValueError(f"expected photos read as uint8 {expected.shape}, got {pixels.dtype} {pixels.shape}")
    levels = np.abs(pixels.astype(int) - expected).max(axis=(1, 2, 3))
    if levels.max() > PIXEL_TOLERANCE:
        worst = int(levels.argmax())
        raise ValueError(f"{names[worst]}: a pixel differs from the run's reading by {levels[worst]} of 255; expected at most {PIXEL_TOLERANCE}")
    return int(levels.max())


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
    largest = float(np.abs(probabilities - expected).max(initial=0.0))
    if not largest <= limit:
        raise ValueError(f"a probability differs from {reference_name} by {largest:.3g}; expected at most {limit:g}")
    return largest


if __name__ == "__main__":
    print(check_saved_model(open_run(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
