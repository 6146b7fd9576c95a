"""The 1,797 handwritten digits that come with scikit-learn: real images, no download."""

import numpy as np

from kcifar.core.errors import UserError
from kcifar.datasets import DATASETS
from kcifar.datasets.dataset import Dataset, Part, Source
from kcifar.datasets.splits import split

_SIDE = 32
_LARGEST_VALUE = 16
_TEST_IMAGES = 360
# Fixed for good: the test part is part of the data set, as CIFAR's is, and `split_seed` must not touch it.
_TEST_SEED = int.from_bytes(b"digits", "big")


@DATASETS.register("digits")
def digits(source: Source) -> Dataset:
    """Load scikit-learn's handwritten digits as 1,437 training and 360 test images of 32x32, the same for everyone.

    The 8x8 images of 0..16 are scaled to 0..255, enlarged bilinearly (Pillow) and repeated to three channels; the test part is
    stratified. Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    if source.data is not None or source.url is not None:
        raise UserError("data set digits: it comes with scikit-learn; leave out --data and --url, or name another data set")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.stack([_enlarged(image) for image in bunch.images])
    labels = bunch.target.astype(np.int64)
    train, test = split(labels, _TEST_IMAGES, _TEST_SEED)
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", names, Part(images[train], labels[train]), Part(images[test], labels[test]))


def _enlarged(image: np.ndarray) -> np.ndarray:
    """Return one 8x8 image of 0..16 as uint8 (32, 32, 3)."""
    from PIL import Image

    grey = Image.fromarray(np.rint(image * (255 / _LARGEST_VALUE)).astype(np.uint8))
    enlarged = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
    return np.repeat(enlarged[..., np.newaxis], 3, axis=2)
