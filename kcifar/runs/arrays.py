"""The arrays of a run folder as the report sees them: predictions of a part, and the images kept to be shown."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, one_line

TEST, VALIDATION = "test", "validation"
PREDICTIONS = "predictions.npz"
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
    def called(self) -> np.ndarray:
        """The class called for each image: of the largest probability, the first of several; int64 (count,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def correct(self) -> np.ndarray:
        """Whether that is the label; bool (count,)."""
        return np.asarray(self.called == self.labels)

    @property
    def confidence(self) -> np.ndarray:
        """The largest probability of each image; float64 (count,)."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def label_probability(self) -> np.ndarray:
        """The probability of each image's label; float64 (count,)."""
        return at_labels(self.labels, self.probabilities)

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

    def rows_of(self, split: str) -> dict[int, int]:
        """Return for each kept image of a part its place among `images`, by its index."""
        return {int(index): row for row, (index, part) in enumerate(zip(self.indices, self.split, strict=True)) if part == split}


def at_labels(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each image's label: (images,) of labels (images,) and values (images, classes)."""
    return np.asarray(values[np.arange(len(labels)), labels])


def read_predictions(folder: Path, split: str) -> Predictions | None:
    """Return a part's predictions; None where the run holds none of it.

    Raises:
        UserError: The file is damaged, or its arrays do not fit one another.
    """
    arrays = _load(folder / PREDICTIONS)
    names = [f"{split}_{kind}" for kind in ("labels", "probabilities", "indices")]
    if arrays is None or not arrays.keys() & set(names):
        return None
    labels, probabilities, indices = (_existing(arrays, PREDICTIONS, name) for name in names)
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
    arrays = _load(folder / "examples.npz")
    if arrays is None:
        return None
    images, indices, split = (_existing(arrays, "examples.npz", name) for name in ("images", "indices", "split"))
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not 0 < min(images.shape[1:3]) <= max(images.shape[1:3]) <= 4096:
        raise UserError(f"examples.npz: expected uint8 images (n, height, width, 3), got {images.dtype} {images.shape}")
    if indices.shape != (len(images),) or split.shape != (len(images),) or indices.dtype.kind not in "iu" or split.dtype.kind != "U":
        raise UserError("examples.npz: expected an index and a split for each image")
    return Examples(images, indices.astype(np.int64), split)


def _load(path: Path) -> dict[str, np.ndarray] | None:
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


def _existing(arrays: dict[str, np.ndarray], file: str, name: str) -> np.ndarray:
    if name not in arrays:
        raise UserError(f"{file}: {name}: missing")
    return arrays[name]
