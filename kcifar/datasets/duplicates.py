"""Near-duplicates of a data set: pairs of images that come from one picture, within a part and between parts.

Two images are near-duplicates if their thumbnails agree twice:

- in the large: of 8x8 pixels, each channel's mean removed, with a correlation of at least 0.9;
- in the small: of 16x16 pixels, the differences between neighbours to the right and below, with a cosine of at least `similarity`.

The first alone takes two ships below a bright sky for one; the second alone would cost ten times as much. Brightness, contrast, a
tint, compression and shifts of less than a pixel are forgiven, mirror images and other crops are not. Copies of every pixel count
whatever they show; images without any structure count only as such copies.

The threshold was set on CIFAR-10 between test and train: from 0.75 on, 99.7 % of the pairs have one label, and a look at fourteen
pairs of each band found the same picture in most; below 0.65 ships and cars that only resemble each other prevail. B. Barz and
J. Denzler (Do We Train on Test Data? Purging CIFAR of Near-Duplicates, Journal of Imaging 6(6), 2020) searched by a network's
features and by eye: 3.3 % of CIFAR-10's and 10 % of CIFAR-100's test images have a duplicate in train. This search names 2.3 % of CIFAR-10's.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kcifar.datasets.dataset import Dataset, Part
from kcifar.datasets.progress import count_bar

COARSE_SIDE, FINE_SIDE = 8, 16  # pixels
COARSE_SIMILARITY = 0.9
SIMILARITY = 0.75
# A set of nothing but copies would otherwise fill the memory with its pairs: n images make n * (n - 1) / 2.
MOST_PAIRS = 200_000
# Images compared at once: a table of 512 x 8192 similarities takes 16 MB; 512 pairs' fine thumbnails, while they are made, 40 MB.
_ROWS, _COLUMNS, _PAIRS = 512, 8192, 512
_CHUNK = 1000


@dataclass(frozen=True)
class Duplicates:
    """Pairs of near-duplicates, images being counted through all parts: train, then validation, then test.

    Attributes:
        first: int64 (pairs,), ascending.
        second: int64 (pairs,), each greater than its `first`.
        similarity: float32 (pairs,), the cosine in the small, 1 for copies.
        exact: bool (pairs,), whether every pixel is the same.
        complete: False if the search ended at `MOST_PAIRS`.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    exact: np.ndarray
    complete: bool

    def __len__(self) -> int:
        return len(self.first)


def find_duplicates(dataset: Dataset, similarity: float = SIMILARITY) -> Duplicates:
    """Compare every image of a data set with every other.

    Time grows with the square of the number of images. CIFAR-10's 60,000 take 24 s of processor time and 0.1 GB beside the images.

    Args:
        dataset: At least one part.
        similarity: Least cosine in the small, in (0, 1].
    """
    images = _Images(list(dataset.parts().values()))
    found = {pair: 1.0 for pair, _ in zip(_copies(images), range(MOST_PAIRS), strict=False)}
    copies = set(found)
    for first, second, cosine in _similar(images, similarity):
        if len(found) >= MOST_PAIRS:
            break
        found.setdefault((first, second), cosine)
    pairs = sorted(found)
    table = np.array(pairs, np.int64).reshape(-1, 2)
    cosines = np.array([found[pair] for pair in pairs], np.float32)
    return Duplicates(table[:, 0], table[:, 1], cosines, np.array([pair in copies for pair in pairs], np.bool_), len(found) < MOST_PAIRS)


class _Images:
    """The images of all parts, counted through; nothing is copied but what is asked for."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of these numbers, uint8 (count, height, width, 3)."""
        owners = np.searchsorted(self._starts, indices, side="right") - 1
        chosen = np.empty((len(indices), *self._parts[0].images.shape[1:]), np.uint8)
        for owner in np.unique(owners):
            own = owners == owner
            chosen[own] = self._parts[owner].images[indices[own] - self._starts[owner]]
        return chosen

    def chunks(self) -> Iterator[np.ndarray]:
        """Give all images in order, some at a time."""
        for start in range(0, len(self), _CHUNK):
            yield self[np.arange(start, min(start + _CHUNK, len(self)))]


def _copies(images: _Images) -> Iterator[tuple[int, int]]:
    """Give the pairs of images of which every pixel is the same."""
    groups: dict[bytes, list[int]] = {}
    number = 0
    for chunk in images.chunks():
        for image in chunk:
            groups.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), []).append(number)
            number += 1
    for members in groups.values():
        yield from combinations(members, 2)


def _similar(images: _Images, similarity: float) -> Iterator[tuple[int, int, float]]:
    """Give the pairs that agree in the large and in the small, with their cosine in the small."""
    coarse = _all_coarse(images)
    with count_bar("comparing images", len(images)) as advance:
        for start in range(0, len(images), _ROWS):
            for first, second in _candidates(coarse, start):
                for begin in range(0, len(first), _PAIRS):
                    pairs = slice(begin, begin + _PAIRS)
                    cosines = _fine_cosines(images, first[pairs], second[pairs])
                    for k in np.flatnonzero(cosines >= similarity):
                        yield int(first[pairs][k]), int(second[pairs][k]), min(1.0, float(cosines[k]))
            advance(min(_ROWS, len(images) - start))


def _all_coarse(images: _Images) -> np.ndarray:
    """Return `coarse_features` of all images, in memory that is taken once."""
    width = coarse_features(images[np.arange(1)]).shape[1]
    coarse = np.empty((len(images), width), np.float32)
    start = 0
    for chunk in images.chunks():
        coarse[start : start + len(chunk)] = coarse_features(chunk)
        start += len(chunk)
    return coarse


def _fine_cosines(images: _Images, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine in the small of each pair; an image of many pairs is shrunk once."""
    numbers, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    features = fine_features(images[numbers])
    cosines: np.ndarray = np.einsum("ij,ij->i", features[places[: len(first)]], features[places[len(first) :]])
    return cosines


def _candidates(coarse: np.ndarray, start: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the pairs that agree in the large, of the rows from `start` on with everything behind them."""
    rows = coarse[start : start + _ROWS]
    for left in range(start, len(coarse), _COLUMNS):
        first, second = np.nonzero(rows @ coarse[left : left + _COLUMNS].T >= COARSE_SIMILARITY)
        behind = second + left > first + start
        yield first[behind] + start, second[behind] + left


def coarse_features(images: np.ndarray) -> np.ndarray:
    """Return what is compared in the large: unit vectors, or zeros for a flat image.

    Args:
        images: uint8 (count, height, width, 3).
    Returns:
        float32 (count, 3 * 64), fewer for images of less than 8 pixels.
    """
    small = thumbnails(images, COARSE_SIDE)
    return _unit_vectors(small - small.mean(axis=(1, 2), keepdims=True))


def fine_features(images: np.ndarray) -> np.ndarray:
    """Return what is compared in the small, as `coarse_features`: float32 (count, 3 * 480), fewer for images of less than 16 pixels."""
    small = thumbnails(images, FINE_SIDE)
    below, beside = np.diff(small, axis=1), np.diff(small, axis=2)
    return _unit_vectors(np.concatenate([steps.reshape(len(steps), -1) for steps in (below, beside)], axis=1))


def thumbnails(images: np.ndarray, side: int) -> np.ndarray:
    """Shrink images by averaging areas; a pixel that lies in two areas counts to each by its share.

    Args:
        images: uint8 (count, height, width, channels).
        side: Height and width of the result, where the image is not smaller.
    Returns:
        float32 (count, min(side, height), min(side, width), channels), on the scale 0..255.
    """
    count, height, width, channels = images.shape
    rows, columns = (_areas(size, min(side, size)) for size in (height, width))
    # Two products of whole tables: five times as fast as a mean over axes or an einsum.
    shrunk = np.matmul(rows, images.reshape(count, height, -1).astype(np.float32))
    shrunk = shrunk.reshape(count * len(rows), -1) @ np.kron(columns, np.eye(channels, dtype=np.float32)).T
    return np.asarray(shrunk.reshape(count, len(rows), len(columns), channels))


def _areas(size: int, side: int) -> np.ndarray:
    """Return the share of each of `size` pixels in each of `side` areas, float32 (side, size); rows sum to 1."""
    edges = np.arange(side + 1) * (size / side)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(overlap, 0) * (side / size), np.float32)


def _unit_vectors(features: np.ndarray) -> np.ndarray:
    flat = features.reshape(len(features), -1)
    # Rounding leaves some 1e-5 of a flat image; one step of one grey level in one pixel leaves 0.01.
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(np.divide(flat, lengths, out=np.zeros_like(flat), where=lengths > 1e-3))
