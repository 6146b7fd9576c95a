"""The arrays of a run folder, as the report reads them: predictions for a split, and example images."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.runs.folder import EXAMPLES_FILE, PREDICTIONS_FILE

TEST_SPLIT, VALIDATION_SPLIT = "test", "validation"
_ROUNDING = 1e-3  # allowed difference between 1 and the sum of a row of float32 probabilities


@dataclass(frozen=True)
class Predictions:
    """Predictions of a run for the images of one split.

    Attributes:
        split: "test" or "validation".
        labels: int64 (count,), class ids.
        probabilities: float64 (count, classes); rows sum to 1.
        indices: int64 (count,), places of the images in their split, each once.
    """

    split: str
    labels: np.ndarray
    probabilities: np.ndarray
    indices: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The predicted class of each image: the one with the largest probability, the first of several; int64 (count,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def correct(self) -> np.ndarray:
        """Whether the predicted class is the label; bool (count,)."""
        return np.asarray(self.predicted == self.labels)

    @property
    def confidence(self) -> np.ndarray:
        """The largest probability of each image; float64 (count,)."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def label_probability(self) -> np.ndarray:
        """The probability of each image's label; float64 (count,)."""
        return take_at_labels(self.labels, self.probabilities)

    @property
    def quantity(self) -> str:
        """The number of images, in words: "281 test images"."""
        return f"{len(self.labels):,} {self.split} image{'s' * (len(self.labels) != 1)}"


@dataclass(frozen=True)
class Examples:
    """Example images that a run stores for its report.

    Attributes:
        images: uint8 (count, height, width, 3).
        indices: int64 (count,), places in their split.
        split: text (count,), the split of each image.
    """

    images: np.ndarray
    indices: np.ndarray
    split: np.ndarray

    def find_rows(self, split: str) -> dict[int, int]:
        """Return the row in `images` of each example image of a split, by its index."""
        return {int(index): row for row, (index, name) in enumerate(zip(self.indices, self.split, strict=True)) if name == split}


@dataclass(frozen=True)
class KeptImages(Predictions):
    """Predictions for the example images of the split on which a run is evaluated, in the order of the split, with the images.

    Attributes:
        images: uint8 (n, height, width, 3).
        rows: int64 (count,), row of each prediction in `images`.
    """

    images: np.ndarray
    rows: np.ndarray

    def get_image(self, place: int) -> np.ndarray:
        """Return one image, uint8 (height, width, 3)."""
        return np.asarray(self.images[self.rows[place]])

    def find_most_confident(self, selected: np.ndarray, limit: int) -> list[int]:
        """Return the places of the selected images, the highest confidence first, ties in the order of the split.

        Args:
            selected: bool (count,).
            limit: Maximum number of places.
        """
        places = np.flatnonzero(selected)
        return [int(place) for place in places[np.argsort(-self.confidence[places], kind="stable")][:limit]]


def take_at_labels(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value at the label of each image, (images,), from labels (images,) and values (images, classes)."""
    return np.asarray(values[np.arange(len(labels)), labels])


def read_predictions(folder: Path, split: str) -> Predictions | None:
    """Return the predictions for a split; None if the run has none.

    Raises:
        UserError: The file is damaged, or its arrays do not match.
    """
    arrays = load_npz(folder / PREDICTIONS_FILE)
    names = [f"{split}_{kind}" for kind in ("labels", "probabilities", "indices")]
    if arrays is None or not arrays.keys() & set(names):
        return None
    labels, probabilities, indices = (_get_array(arrays, PREDICTIONS_FILE, name) for name in names)
    count, place = labels.size, f"{PREDICTIONS_FILE}: {split}"
    if labels.shape != (count,) or indices.shape != (count,) or probabilities.ndim != 2 or len(probabilities) != count or not count:
        shapes = ", ".join(str(array.shape) for array in (labels, probabilities, indices))
        raise UserError(f"{place}: expected labels (n,), probabilities (n, classes) and indices (n,), got {shapes}")
    if labels.dtype.kind not in "iu" or indices.dtype.kind not in "iu" or probabilities.dtype.kind != "f":
        raise UserError(f"{place}: expected integer labels and indices and float probabilities")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise UserError(f"{place}: expected labels from 0 to {probabilities.shape[1] - 1}, got {labels.min()} to {labels.max()}")
    wide = probabilities.astype(np.float64)
    if not (np.isfinite(wide).all() and wide.min() >= 0 and np.abs(wide.sum(axis=1) - 1).max() <= _ROUNDING):
        raise UserError(f"{place}: expected probabilities that sum to 1 for each image")
    if len(np.unique(indices)) < count:
        raise UserError(f"{place}: expected each image once")
    return Predictions(split, labels.astype(np.int64), wide / wide.sum(axis=1, keepdims=True), indices.astype(np.int64))


def read_examples(folder: Path) -> Examples | None:
    """Return the example images of a run; None if it has none.

    Raises:
        UserError: The file is damaged, or its arrays do not match.
    """
    arrays = load_npz(folder / EXAMPLES_FILE)
    if arrays is None:
        return None
    images, indices, split = (_get_array(arrays, EXAMPLES_FILE, name) for name in ("images", "indices", "split"))
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not 0 < min(images.shape[1:3]) <= max(images.shape[1:3]) <= 4096:
        raise UserError(f"{EXAMPLES_FILE}: expected uint8 images (n, height, width, 3), got {images.dtype} {images.shape}")
    if indices.shape != (len(images),) or split.shape != (len(images),) or indices.dtype.kind not in "iu" or split.dtype.kind != "U":
        raise UserError(f"{EXAMPLES_FILE}: expected an index and a split for each image")
    return Examples(images, indices.astype(np.int64), split)


def match_kept_images(predictions: Predictions | None, examples: Examples | None) -> KeptImages | None:
    """Return the example images for which there are predictions; None if there are none."""
    if predictions is None or examples is None:
        return None
    rows_by_index = examples.find_rows(predictions.split)
    places = np.flatnonzero(np.isin(predictions.indices, list(rows_by_index)))
    if not len(places):
        return None
    places = places[np.argsort(predictions.indices[places])]
    indices = predictions.indices[places]
    rows = np.array([rows_by_index[int(index)] for index in indices])
    return KeptImages(predictions.split, predictions.labels[places], predictions.probabilities[places], indices, examples.images, rows)


def load_npz(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of an .npz file; None if there is no such file.

    Raises:
        UserError: The file is damaged or cannot be read; pickled objects are never loaded.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror or one_line(error, 80)}") from None
    except (ValueError, TypeError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = "not an .npz file" if isinstance(error, ValueError) else one_line(error, 80)  # NumPy's message would suggest unpickling
        raise UserError(f"{path.name}: damaged: {reason}") from None


def _get_array(arrays: dict[str, np.ndarray], file: str, name: str) -> np.ndarray:
    if name not in arrays:
        raise UserError(f"{file}: {name}: missing")
    return arrays[name]
