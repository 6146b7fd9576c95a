"""The 1,797 handwritten digits that come with scikit-learn: real images, no download."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.option_names import name_option
from kcifar.datasets import DATASETS
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.stratified_split import split_off

_SIDE = 32
_MAX_VALUE = 16
_TEST_IMAGES = 360
# Fixed: the test split belongs to the data set, as CIFAR's does, and `split_seed` must not change it.
_TEST_SEED = int.from_bytes(b"digits", "big")


@DATASETS.register("digits")
def digits(source: Source) -> Dataset:
    """Load scikit-learn's handwritten digits: 1,437 training and 360 test images of 32x32, the same for every user.

    The 8x8 images of 0..16 are scaled to 0..255, enlarged bilinearly (Pillow) and repeated to three channels; the test split is
    stratified. Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test split).
    """
    if source.data is not None or source.url is not None:
        raise UserError(
            f"data set digits: it comes with scikit-learn; leave out {name_option('data')} and {name_option('url')}, or name another data set"
        )
    rows = _read_rows()
    images = np.stack([_enlarge(row[:-1].reshape(8, 8)) for row in rows])
    labels = rows[:, -1].astype(np.int64)
    train, test = split_off(labels, _TEST_IMAGES, _TEST_SEED)
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", names, Split(images[train], labels[train]), Split(images[test], labels[test]))


def _read_rows() -> np.ndarray:
    """Return the pixels and, last, the label of each image, float64 (1797, 65), from scikit-learn's file: importing it takes a second."""
    package = find_spec("sklearn")
    folder = next(iter(package.submodule_search_locations or ()), None) if package else None
    if folder is None:
        raise UserError("data set digits: it comes with scikit-learn, which is not installed; pip install scikit-learn")
    with gzip.open(Path(folder) / "datasets" / "data" / "digits.csv.gz", "rt", encoding="utf-8") as file:
        return np.loadtxt(file, delimiter=",")


def _enlarge(image: np.ndarray) -> np.ndarray:
    """Return one 8x8 image of 0..16 as uint8 (32, 32, 3)."""
    from PIL import Image

    gray = Image.fromarray(np.rint(image * (255 / _MAX_VALUE)).astype(np.uint8))
    enlarged = np.asarray(gray.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
    return np.repeat(enlarged[..., np.newaxis], 3, axis=2)
