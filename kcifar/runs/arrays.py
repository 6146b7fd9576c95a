"""The arrays of a run folder as the report sees them: predictions of a part, and the images kept to be shown."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.runs.folder import EXAMPLES, PREDICTIONS

TEST_SPLIT, VALIDATION_SPLIT = "test", "validation"
_ROUNDING = 1e-3  # by which a row of float32 probabilities may miss a sum of 1


@dataclass(frozen=True)
class Predictions:
    """What a run predicted for the images of one part.

    Attributes:
        split: "test" or "validation".
        labels: int64 (count,), class ids.
        probabilities: float64 (count, classes); rows sum to 1.
        indices: int64 (count,), places of the images in their part, each once.
    """

    split: str
    labels: np.ndarray
    probabilities: np.ndarray
    indices: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The class called for each image: of the largest probability, the first of several; int64 (count,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def correct(self) -> np.ndarray:
        """Whether that is the label; bool (count,)."""
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
        """How many images they are of: "281 test images"."""
        return f"{len(self.labels):,} {self.split} image{'s' * (len(self.labels) != 1)}"


@dataclass(frozen=True)
class Examples:
    """Images that a run keeps for its report.

    Attributes:
        images: uint8 (count, height, width, 3).
        indices: int64 (count,), places in their part.
        split: text (count,), the part of each.
    """

    images: np.ndarray
    indices: np.ndarray
    split: np.ndarray

    def find_rows(self, split: str) -> dict[int, int]:
        """Return for each kept image of a part its place among `images`, by its index."""
        return {int(index): row for row, (index, part) in enumerate(zip(self.indices, self.split, strict=True)) if part == split}


@dataclass(frozen=True)
class KeptImages(Predictions):
    """Predictions for the kept images of the part that a run's outcome is about, in the order of that part, with the images.

    Attributes:
        images: uint8 (any number, height, width, 3).
        rows: int64 (count,), place of each among `images`.
    """

    images: np.ndarray
    rows: np.ndarray

    def image(self, place: int) -> np.ndarray:
        """Return one image, uint8 (height, width, 3)."""
        return np.asarray(self.images[self.rows[place]])

    def most_confident(self, selected: np.ndarray, limit: int) -> list[int]:
        """Return the places of the selected images, those of the largest confidence first, ties in the order of the part.

        Args:
            selected: bool (count,).
            limit: So many at most.
        """
        places = np.flatnonzero(selected)
        return [int(place) for place in places[np.argsort(-self.confidence[places], kind="stable")][:limit]]


def take_at_labels(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each image's label: (images,) of labels (images,) and values (images, classes)."""
    return np.asarray(values[np.arange(len(labels)), labels])


def read_predictions(folder: Path, split: str) -> Predictions | None:
    """Return a part's predictions; None where the run holds none of it.

    Raises:
        UserError: The file is damaged, or its arrays do not fit one another.
    """
    arrays = load_npz(folder / PREDICTIONS)
    names = [f"{split}_{kind}" for kind in ("labels", "probabilities", "indices")]
    if arrays is None or not arrays.keys() & set(names):
        return None
    labels, probabilities, indices = (_get_array(arrays, PREDICTIONS, name) for name in names)
    count, place = labels.size, f"{PREDICTIONS}: {split}"
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
    """Return the images that a run keeps; None where it keeps none.

    Raises:
        UserError: The file is damaged, or its arrays do not fit one another.
    """
    arrays = load_npz(folder / EXAMPLES)
    if arrays is None:
        return None
    images, indices, split = (_get_array(arrays, EXAMPLES, name) for name in ("images", "indices", "split"))
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not 0 < min(images.shape[1:3]) <= max(images.shape[1:3]) <= 4096:
        raise UserError(f"{EXAMPLES}: expected uint8 images (n, height, width, 3), got {images.dtype} {images.shape}")
    if indices.shape != (len(images),) or split.shape != (len(images),) or indices.dtype.kind not in "iu" or split.dtype.kind != "U":
        raise UserError(f"{EXAMPLES}: expected an index and a split for each image")
    return Examples(images, indices.astype(np.int64), split)


def match_kept_images(predictions: Predictions | None, examples: Examples | None) -> KeptImages | None:
    """Return the kept images for which there are predictions; None where there is none."""
    if predictions is None or examples is None:
        return None
    row_of = examples.find_rows(predictions.split)
    places = np.flatnonzero(np.isin(predictions.indices, list(row_of)))
    if not len(places):
        return None
    places = places[np.argsort(predictions.indices[places])]
    indices = predictions.indices[places]
    rows = np.array([row_of[int(index)] for index in indices])
    return KeptImages(predictions.split, predictions.labels[places], predictions.probabilities[places], indices, examples.images, rows)


def load_npz(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of an .npz file; None where there is no such file.

    Raises:
        UserError: It cannot be read, or is damaged; no pickle is opened.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror or one_line(error, 80)}") from None
    except (ValueError, TypeError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        why = "not an .npz file" if isinstance(error, ValueError) else one_line(error, 80)  # NumPy's words would advise to unpickle it
        raise UserError(f"{path.name}: damaged: {why}") from None


def _get_array(arrays: dict[str, np.ndarray], file: str, name: str) -> np.ndarray:
    if name not in arrays:
        raise UserError(f"{file}: {name}: missing")
    return arrays[name]
