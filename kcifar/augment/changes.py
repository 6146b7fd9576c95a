"""The elementary changes that the policies (`rand_augment` and its kin) choose from, each as one row of whole numbers.

Whole numbers, so that every backend and machine makes the same image, bit for bit: coordinates count 65536ths of a pixel as Pillow's
affine transform does, factors 1024ths, and grey levels are whole between the steps. One sum in another order could else move a value
over a border of `posterize` or `equalize`, and from there by half the range.

Sources: Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, 2019, https://arxiv.org/abs/1805.09501, table 6, for what there
is; Pillow (ImageEnhance, ImageOps, ImageFilter.SMOOTH) and torchvision's `autoaugment.py` for what exactly each one does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

PIXEL = 1 << 16  # units of a coordinate
FACTOR = 1 << 10  # units of a blend's factor


class Towards(IntEnum):
    """What an image is blended with, by the factor: image where it is 1, the other where it is 0, away from it above 1."""

    BLACK = 0
    MEAN = 1  # one grey, the mean of the image's grey values
    GREY = 2
    SMOOTH = 3
    STRETCHED = 4  # each channel spread over 0..255
    EQUALIZED = 5  # each channel's levels made equally frequent


class Column(IntEnum):
    """Where a number stands in a row. Output pixel (x, y) is read at column (XX x + XY y + X0) and row (YX x + YY y + Y0)."""

    XX = 0
    XY = 1
    X0 = 2
    YX = 3
    YY = 4
    Y0 = 5
    TOWARDS = 6
    FACTOR = 7
    STEP = 8  # levels are cut down to multiples of it
    THRESHOLD = 9  # levels from here on are inverted
    CHANGES = 10  # 0 for the identity, which leaves also fractions of a grey level as they are


SIGNED = frozenset({"shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "colour", "contrast", "sharpness"})
_BLENDS = {"brightness": Towards.BLACK, "contrast": Towards.MEAN, "colour": Towards.GREY, "sharpness": Towards.SMOOTH}
_FULL_BLENDS = {"autocontrast": Towards.STRETCHED, "equalize": Towards.EQUALIZED}


@dataclass(frozen=True)
class Space:
    """Which changes a policy chooses from, and how strong each one is in each bin.

    A change, a bin and a sign make a number, the row of the table that `rows` returns; 0 is the identity.

    Attributes:
        amounts: Amount in each bin, by the change's name, `identity` first, all of one length. shear: pixels sideways for each
            pixel; translate: share of the image's width or height; rotate: degrees counter-clockwise; brightness, colour, contrast,
            sharpness: factor - 1; posterize: bits kept; solarize: level from which all are inverted; the others take none.
    """

    amounts: Mapping[str, tuple[float, ...]]

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return len(self.amounts["identity"])

    def number(self, change: str, place: int, negative: bool = False) -> int:
        """Return the number of a change in a bin (from 0); changes without a sign have the same row twice."""
        return int(self.numbers(np.array(list(self.amounts).index(change)), np.array(place), np.array(negative)))

    def numbers(self, change: np.ndarray, place: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """Return the numbers of changes given by their position in `amounts`, of bins and of signs; int, any shape."""
        numbers: np.ndarray = (change * self.bins + place) * 2 + negative
        return numbers

    def rows(self, image_shape: tuple[int, int]) -> np.ndarray:
        """Return the row of each number for images of (height, width); int32 (changes x bins x 2, 11)."""
        signs = {name: -1 if name in SIGNED else 1 for name in self.amounts}
        rows = [row(name, sign * amount, image_shape) for name in self.amounts for amount in self.amounts[name] for sign in (1, signs[name])]
        return np.array(rows, np.int32)


def row(change: str, amount: float, image_shape: tuple[int, int]) -> list[int]:
    """Return the row of one change: see `Column`; `amount` as in `Space`, with its sign."""
    factor = 0.0 if change in _FULL_BLENDS else 1 + amount if change in _BLENDS else 1.0
    towards = (_BLENDS | _FULL_BLENDS).get(change, Towards.BLACK)
    step = 2 ** (8 - int(amount)) if change == "posterize" else 1
    threshold = {"solarize": math.ceil(amount), "invert": 0}.get(change, 256)
    numbers = [*_fixed_point(_matrix(change, amount, *image_shape)), int(towards), round(factor * FACTOR), step, threshold]
    neutral = [*_fixed_point(_IDENTITY), int(towards), FACTOR, 1, 256]
    return [*numbers, int(numbers != neutral)]


_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1, 0, 0, 0, 1, 0)


def _matrix(change: str, amount: float, height: int, width: int) -> _Matrix:
    """Return where the point (x, y) of the result is read, pixels from the upper left corner of the image."""
    matrices: dict[str, _Matrix] = {
        "shear_x": (1, amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, -_whole(amount * width), 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -_whole(amount * height)),
        "rotate": _rotation(math.radians(amount), width / 2, height / 2),
    }
    return matrices.get(change, _IDENTITY)


def _whole(pixels: float) -> int:
    """Return the pixels without their fraction, as torchvision does; a rounding error below a whole number does not cost a pixel."""
    return int(pixels + math.copysign(1e-6, pixels))


def _rotation(angle: float, x: float, y: float) -> _Matrix:
    """Return the rotation about (x, y)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)


def _fixed_point(matrix: _Matrix) -> list[int]:
    """Return the map of pixels: the middle of pixel (x, y) lies at (x + 1/2, y + 1/2), and the pixel read is the one it falls into."""
    a, b, c, d, e, f = matrix
    return [math.floor(value * PIXEL + 0.5) for value in (a, b, c + a / 2 + b / 2, d, e, f + d / 2 + e / 2)]
