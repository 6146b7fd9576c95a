"""The transformations from which the policies (`rand_augment` and its relatives) choose, each encoded as one row of whole numbers.

Whole numbers make every backend and machine produce the same image, bit for bit: coordinates count 65536ths of a pixel as in Pillow's
affine transform, factors 1024ths, and gray levels are whole between the steps. Otherwise a sum in another order could move a value
across a threshold of `posterize` or `equalize`, and from there by half the range.

Sources: Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, 2019, https://arxiv.org/abs/1805.09501, table 6, for the list;
Pillow (ImageEnhance, ImageOps, ImageFilter.SMOOTH) and torchvision's `autoaugment.py` for the exact definitions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

UNITS_PER_PIXEL = 1 << 16
UNITS_PER_FACTOR = 1 << 10


class BlendTarget(IntEnum):
    """The image that an image is blended with: the image itself at factor 1, the target at 0, away from the target above 1."""

    BLACK = 0
    MEAN = 1  # one gray, the mean of the image's gray values
    GRAY = 2
    SMOOTH = 3
    STRETCHED = 4  # each channel stretched to 0..255
    EQUALIZED = 5  # each channel's levels made equally frequent


class TableColumn(IntEnum):
    """The columns of a row. Output pixel (x, y) is read at column (XX x + XY y + X0) and row (YX x + YY y + Y0)."""

    XX = 0
    XY = 1
    X0 = 2
    YX = 3
    YY = 4
    Y0 = 5
    BLEND_TARGET = 6
    FACTOR = 7
    STEP = 8  # levels are rounded down to multiples of it
    THRESHOLD = 9  # levels from here on are inverted
    IS_CHANGE = 10  # 0 for the identity, which also keeps fractions of a gray level


SIGNED = frozenset({"shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness"})
_BLENDS = {"brightness": BlendTarget.BLACK, "contrast": BlendTarget.MEAN, "color": BlendTarget.GRAY, "sharpness": BlendTarget.SMOOTH}
_FULL_BLENDS = {"autocontrast": BlendTarget.STRETCHED, "equalize": BlendTarget.EQUALIZED}


@dataclass(frozen=True)
class TransformationSpace:
    """The transformations of a policy, and the strength of each one in each bin.

    A transformation, a bin and a sign make a code, the index of a row in the table of `make_table`; 0 is the identity.

    Attributes:
        amounts: Amount in each bin by the transformation's name, `identity` first, all of the same length. shear: pixels sideways per
            pixel; translate: fraction of the image's width or height; rotate: degrees counterclockwise; brightness, color, contrast,
            sharpness: factor - 1; posterize: bits kept; solarize: level from which all are inverted; the others have no amount.
    """

    amounts: Mapping[str, tuple[float, ...]]

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.amounts["identity"])

    def encode(self, name: str, magnitude: int, negative: bool = False) -> int:
        """Return the code of a transformation in a bin (from 0); those without a sign have the same row twice."""
        return int(self.encode_all(np.array(list(self.amounts).index(name)), np.array(magnitude), np.array(negative)))

    def encode_all(self, position: np.ndarray, magnitude: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """Return the codes of transformations, given by their positions in `amounts`, of bins and of signs; any shape."""
        codes: np.ndarray = (position * self.bins + magnitude) * 2 + negative
        return codes

    def make_table(self, image_shape: tuple[int, int]) -> np.ndarray:
        """Return the row of each code for images of (height, width); int32 (transformations x bins x 2, 11)."""
        signs = {name: -1 if name in SIGNED else 1 for name in self.amounts}
        rows = [make_row(name, sign * amount, image_shape) for name in self.amounts for amount in self.amounts[name] for sign in (1, signs[name])]
        return np.array(rows, np.int32)


def make_row(name: str, amount: float, image_shape: tuple[int, int]) -> list[int]:
    """Return the row of one transformation, see `TableColumn`; `amount` as in `TransformationSpace`, with its sign."""
    factor = 0.0 if name in _FULL_BLENDS else 1 + amount if name in _BLENDS else 1.0
    target = (_BLENDS | _FULL_BLENDS).get(name, BlendTarget.BLACK)
    step = 2 ** (8 - int(amount)) if name == "posterize" else 1
    threshold = {"solarize": math.ceil(amount), "invert": 0}.get(name, 256)
    row = [*_convert_to_fixed_point(_make_matrix(name, amount, *image_shape)), int(target), round(factor * UNITS_PER_FACTOR), step, threshold]
    neutral = [*_convert_to_fixed_point(_IDENTITY), int(target), UNITS_PER_FACTOR, 1, 256]
    return [*row, int(row != neutral)]


_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1, 0, 0, 0, 1, 0)


def _make_matrix(name: str, amount: float, height: int, width: int) -> _Matrix:
    """Return where the point (x, y) of the result is read, in pixels from the upper left corner of the image."""
    matrices: dict[str, _Matrix] = {
        "shear_x": (1, amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, -_truncate(amount * width), 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -_truncate(amount * height)),
        "rotate": _make_rotation(math.radians(amount), width / 2, height / 2),
    }
    return matrices.get(name, _IDENTITY)


def _truncate(pixels: float) -> int:
    """Return the pixels without their fraction, as torchvision does; a rounding error just below a whole number costs no pixel."""
    return int(pixels + math.copysign(1e-6, pixels))


def _make_rotation(angle: float, x: float, y: float) -> _Matrix:
    """Return the rotation about (x, y)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)


def _convert_to_fixed_point(matrix: _Matrix) -> list[int]:
    """Return the map between pixels: the center of pixel (x, y) is at (x + 1/2, y + 1/2), and the pixel that contains the point is read."""
    a, b, c, d, e, f = matrix
    return [math.floor(value * UNITS_PER_PIXEL + 0.5) for value in (a, b, c + a / 2 + b / 2, d, e, f + d / 2 + e / 2)]
