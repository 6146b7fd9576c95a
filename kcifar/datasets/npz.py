"""A user's own .npz: x_train, y_train, and if there are any x_val, y_val, x_test, y_test, class_names. Never a pickle."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.datasets import DATASETS
from kcifar.datasets.arrays import Pair, from_arrays
from kcifar.datasets.dataset import Dataset, Source

_PAIRS = {"train": ("x_train", "y_train"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}
_NAMES = (*(name for pair in _PAIRS.values() for name in pair), "class_names")


@DATASETS.register("npz")
def npz(source: Source) -> Dataset:
    """Load a .npz file of the user's; images and labels as `from_arrays` takes them.

    Raises:
        UserError: No file given, an array missing or of another shape or type, a damaged file, or one that holds Python objects.
    """
    if source.data is None:
        raise UserError("data set npz: expected --data FILE.npz, got none")
    for name in _array_names(source.data):
        if name not in _NAMES:
            source.say(f"{source.data}: the array {one_line(name, 40)!r} is not used{did_you_mean(name, _NAMES)}")
    return npz_dataset(source.data, name="npz", class_names=None)


def is_npz(path: Path) -> bool:
    """Tell whether a file is meant as .npz: by its name, or as a zip archive of NumPy arrays."""
    if path.suffix == ".npz":
        return path.is_file()
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def npz_dataset(path: Path, name: str, class_names: Sequence[str] | None) -> Dataset:
    """Load a .npz file as data set `name`; `class_names` None: those in the file, else the labels' numbers."""
    found = _read(path)
    half = [array for pair in _PAIRS.values() for array in pair if (pair[0] in found) != (pair[1] in found) and array not in found]
    missing = [array for array in _PAIRS["train"] if array not in found] or half
    if missing:
        raise UserError(f"{path}: {', '.join(missing)} missing; it holds {one_line(', '.join(found), 120) or 'nothing that is used'}")
    if class_names is None and "class_names" in found:
        class_names = _class_names(found["class_names"], path)
    pairs: dict[str, Pair] = {part: (found[x], found[y]) for part, (x, y) in _PAIRS.items() if x in found}
    try:
        return from_arrays(**pairs, class_names=class_names, name=name)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays that we have a use for."""
    wanted = [name for name in _NAMES if name in _array_names(path)]
    found: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for name in wanted:
                found[name] = arrays[name]
    except Exception as error:  # a damaged file can fail in almost any way; Python objects are refused as ValueError
        raise UserError(f"{path}: {wanted[len(found)]}: cannot be read: {one_line(error)}") from None
    return found


def _array_names(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"{path}: expected a .npz file, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path}: damaged, or no .npz file: {one_line(error)}") from None


def _class_names(found: np.ndarray, path: Path) -> list[str]:
    if found.ndim != 1 or found.dtype.kind not in "US":
        raise UserError(f"{path}: class_names: expected a list of texts, got {found.dtype} {found.shape}")
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in found.tolist()]
