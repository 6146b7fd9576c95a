"""A user's own .npz: x_train, y_train and, optionally, x_val, y_val, x_test, y_test, class_names. Pickled objects are refused."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.option_names import name_option
from kcifar.datasets import DATASETS
from kcifar.datasets.arrays import ImagesAndLabels, from_arrays, make_split
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.messages import join_names

_ARRAYS = {"train": ("x_train", "y_train"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}
_NAMES = (*(name for pair in _ARRAYS.values() for name in pair), "class_names")


@DATASETS.register("npz")
def npz(source: Source) -> Dataset:
    """Load a user's .npz file; see `from_arrays` for the allowed images and labels.

    Raises:
        UserError: No file given, an array missing or of another shape or type, a damaged file, or one that contains Python objects.
    """
    if source.data is None:
        raise UserError(f"data set npz: expected {name_option('data', 'FILE.npz')}, got none")
    for name in _list_arrays(source.data):
        if name not in _NAMES:
            source.say(f"{source.data}: the array {one_line(name, 40)!r} is not used{did_you_mean(name, _NAMES)}")
    return read_npz_dataset(source.data, name="npz", class_names=None)


def is_npz(path: Path) -> bool:
    """Return whether a file is a .npz, by its name or as a zip archive of NumPy arrays."""
    if path.suffix == ".npz":
        return path.is_file()
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def read_npz_dataset(path: Path, name: str, class_names: Sequence[str] | None) -> Dataset:
    """Load a .npz file as data set `name`.

    Args:
        path: The file.
        name: Name of the data set.
        class_names: The names that the file must have, if it has any; None: those in the file, else the numbers of the labels.
    """
    arrays = _read_arrays(path, _NAMES)
    unpaired = [array for pair in _ARRAYS.values() for array in pair if (pair[0] in arrays) != (pair[1] in arrays) and array not in arrays]
    missing = [array for array in _ARRAYS["train"] if array not in arrays] or unpaired
    if missing:
        raise UserError(f"{path}: {', '.join(missing)} missing; it contains {join_names(arrays) or 'no array with a known name'}")
    if "class_names" in arrays:
        class_names = _check_same_names(_convert_class_names(arrays["class_names"], path), class_names, path)
    pairs: dict[str, ImagesAndLabels] = {split: (arrays[x], arrays[y]) for split, (x, y) in _ARRAYS.items() if x in arrays}
    try:
        return from_arrays(**pairs, class_names=class_names, name=name)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def read_npz_split(path: Path, split: str) -> tuple[Split, list[str] | None]:
    """Return the images and labels of one split, and the file's class names if it has any; the other splits may be absent.

    Raises:
        UserError: No such split, or anything that `from_arrays` refuses.
    """
    arrays = _read_arrays(path, (*_ARRAYS[split], "class_names"))
    missing = [name for name in _ARRAYS[split] if name not in arrays]
    if missing:
        raise UserError(f"{path}: {', '.join(missing)} missing; it contains {join_names(_list_arrays(path))}")
    names = _convert_class_names(arrays["class_names"], path) if "class_names" in arrays else None
    images, labels = (arrays[name] for name in _ARRAYS[split])
    return make_split((images, labels), f"{path}: {split}"), names


def _read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return those of the wanted arrays that the file contains."""
    names = [name for name in wanted if name in _list_arrays(path)]
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as contents:
            for name in names:
                arrays[name] = contents[name]
    except Exception as error:  # a damaged file can fail in almost any way; Python objects are refused as ValueError
        raise UserError(f"{path}: {names[len(arrays)]}: cannot be read: {one_line(error)}") from None
    return arrays


def _list_arrays(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"{path}: expected a .npz file, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path}: damaged, or not a .npz file: {one_line(error)}") from None


def _check_same_names(names: list[str], expected: Sequence[str] | None, path: Path) -> list[str]:
    if expected is not None and names != list(expected):
        raise UserError(f"{path}: class_names: expected {join_names(expected, 80)}, got {join_names(names, 80)}")
    return names


def _convert_class_names(array: np.ndarray, path: Path) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise UserError(f"{path}: class_names: expected a list of texts, got {array.dtype} {array.shape}")
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in array.tolist()]
