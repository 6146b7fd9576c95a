"""Near-duplicates of a data set: pairs of images that come from the same picture, within a split and between splits.

Two images are near-duplicates if their thumbnails agree at two scales:

- coarse: 8x8 pixels, each channel's mean removed, have a correlation of at least 0.9;
- fine: the differences between neighbors to the right and below, in 16x16 pixels, have a cosine of at least `similarity`.

The coarse test alone confuses any two ships below a bright sky; the fine test alone would cost ten times as much. Differences in
brightness, contrast, tint and compression and shifts of less than a pixel are tolerated, mirror images and other crops are not. Copies
of every pixel count for any content; images without any structure count only as such copies.

The threshold was set on CIFAR-10 between test and train: from 0.75 on, 99.7 % of the pairs have the same label, and an inspection of
fourteen pairs per band showed the same picture in most; below 0.65, most are ships and cars that only resemble each other. B. Barz and
J. Denzler (Do We Train on Test Data? Purging CIFAR of Near-Duplicates, Journal of Imaging 6(6), 2020) searched with a network's
features and by eye: 3.3 % of CIFAR-10's and 10 % of CIFAR-100's test images have a duplicate in train. This search finds 2.3 % of CIFAR-10's.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kcifar.datasets.dataset import Dataset, Split
from kcifar.datasets.progress import count_bar

COARSE_SIDE, FINE_SIDE = 8, 16  # pixels
MIN_COARSE_SIMILARITY = 0.9
DEFAULT_SIMILARITY = 0.75
# The pairs of a data set of copies would otherwise fill the memory: n images make n * (n - 1) / 2 pairs.
MAX_PAIRS = 200_000
# Images compared at once: a table of 512 x 8192 similarities takes 16 MB; making the fine thumbnails of 512 pairs takes 40 MB.
_ROWS, _COLUMNS, _PAIRS = 512, 8192, 512
_CHUNK = 1000


@dataclass(frozen=True)
class Duplicates:
    """Pairs of near-duplicates; images are numbered through all splits: train, then validation, then test.

    Attributes:
        first: int64 (pairs,), ascending.
        second: int64 (pairs,), each greater than its `first`.
        similarity: float32 (pairs,), the cosine of the fine features, 1 for copies.
        exact: bool (pairs,), whether every pixel is the same.
        complete: False if the search stopped at `MAX_PAIRS`.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    exact: np.ndarray
    complete: bool

    def __len__(self) -> int:
        return len(self.first)


def find_duplicates(dataset: Dataset, similarity: float = DEFAULT_SIMILARITY) -> Duplicates:
    """Compare every image of a data set with every other one.

    Time grows with the square of the number of images. CIFAR-10's 60,000 take 24 s of processor time and 0.1 GB in addition to the images.

    Args:
        dataset: Any data set.
        similarity: Smallest cosine of the fine features, in (0, 1].
    """
    images = _Images(list(dataset.splits().values()))
    cosines = {pair: 1.0 for pair, _ in zip(_find_copies(images), range(MAX_PAIRS), strict=False)}
    copies = set(cosines)
    for first, second, cosine in _find_similar(images, similarity):
        if len(cosines) >= MAX_PAIRS:
            break
        cosines.setdefault((first, second), cosine)
    pairs = sorted(cosines)
    table = np.array(pairs, np.int64).reshape(-1, 2)
    similarities = np.array([cosines[pair] for pair in pairs], np.float32)
    exact = np.array([pair in copies for pair in pairs], np.bool_)
    return Duplicates(table[:, 0], table[:, 1], similarities, exact, len(cosines) < MAX_PAIRS)


class _Images:
    """The images of all splits, numbered through; only the requested images are copied."""

    def __init__(self, splits: list[Split]) -> None:
        self._splits = splits
        self._starts = np.cumsum([0, *map(len, splits)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """Return the images with these numbers, uint8 (count, height, width, 3)."""
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        images = np.empty((len(numbers), *self._splits[0].images.shape[1:]), np.uint8)
        for owner in np.unique(owners):
            members = owners == owner
            images[members] = self._splits[owner].images[numbers[members] - self._starts[owner]]
        return images

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all images in order, some at a time."""
        for start in range(0, len(self), _CHUNK):
            yield self[np.arange(start, min(start + _CHUNK, len(self)))]


def _find_copies(images: _Images) -> Iterator[tuple[int, int]]:
    """Yield the pairs of images that agree in every pixel."""
    groups: dict[bytes, list[int]] = {}
    number = 0
    for chunk in images.chunks():
        for image in chunk:
            groups.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), []).append(number)
            number += 1
    for members in groups.values():
        yield from combinations(members, 2)


def _find_similar(images: _Images, similarity: float) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs that agree at both scales, with the cosine of their fine features."""
    coarse = _compute_all_coarse(images)
    with count_bar("comparing images", len(images)) as advance:
        for start in range(0, len(images), _ROWS):
            for first, second in _find_candidates(coarse, start):
                for begin in range(0, len(first), _PAIRS):
                    pairs = slice(begin, begin + _PAIRS)
                    cosines = _compute_fine_cosines(images, first[pairs], second[pairs])
                    for k in np.flatnonzero(cosines >= similarity):
                        yield int(first[pairs][k]), int(second[pairs][k]), min(1.0, float(cosines[k]))
            advance(min(_ROWS, len(images) - start))


def _compute_all_coarse(images: _Images) -> np.ndarray:
    """Return `compute_coarse_features` of all images, in memory that is allocated once."""
    width = compute_coarse_features(images[np.arange(1)]).shape[1]
    coarse = np.empty((len(images), width), np.float32)
    start = 0
    for chunk in images.chunks():
        coarse[start : start + len(chunk)] = compute_coarse_features(chunk)
        start += len(chunk)
    return coarse


def _compute_fine_cosines(images: _Images, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair's fine features; an image in many pairs is shrunk once."""
    numbers, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    features = compute_fine_features(images[numbers])
    cosines: np.ndarray = np.einsum("ij,ij->i", features[places[: len(first)]], features[places[len(first) :]])
    return cosines


def _find_candidates(coarse: np.ndarray, start: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs that agree at the coarse scale, of the rows from `start` on with all later images."""
    rows = coarse[start : start + _ROWS]
    for left in range(start, len(coarse), _COLUMNS):
        first, second = np.nonzero(rows @ coarse[left : left + _COLUMNS].T >= MIN_COARSE_SIMILARITY)
        later = second + left > first + start
        yield first[later] + start, second[later] + left


def compute_coarse_features(images: np.ndarray) -> np.ndarray:
    """Return the features of the coarse scale: unit vectors, or zeros for an image of one color.

    Args:
        images: uint8 (count, height, width, 3).
    Returns:
        float32 (count, 3 * 64), fewer for images smaller than 8 pixels.
    """
    small = shrink_images(images, COARSE_SIDE)
    return _normalize_vectors(small - small.mean(axis=(1, 2), keepdims=True))


def compute_fine_features(images: np.ndarray) -> np.ndarray:
    """Return the features of the fine scale, as `compute_coarse_features`: float32 (count, 3 * 480), fewer for images smaller than 16 pixels."""
    small = shrink_images(images, FINE_SIDE)
    below, right = np.diff(small, axis=1), np.diff(small, axis=2)
    return _normalize_vectors(np.concatenate([steps.reshape(len(steps), -1) for steps in (below, right)], axis=1))


def shrink_images(images: np.ndarray, side: int) -> np.ndarray:
    """Shrink images by averaging areas; a pixel in two areas counts in each by its fraction.

    Args:
        images: uint8 (count, height, width, channels).
        side: Height and width of the result, unless the image is smaller.
    Returns:
        float32 (count, min(side, height), min(side, width), channels), on the scale 0..255.
    """
    count, height, width, channels = images.shape
    rows, columns = (_compute_overlaps(size, min(side, size)) for size in (height, width))
    # Two matrix products: five times as fast as a mean over axes or an einsum.
    shrunk = np.matmul(rows, images.reshape(count, height, -1).astype(np.float32))
    shrunk = shrunk.reshape(count * len(rows), -1) @ np.kron(columns, np.eye(channels, dtype=np.float32)).T
    return np.asarray(shrunk.reshape(count, len(rows), len(columns), channels))


def _compute_overlaps(size: int, side: int) -> np.ndarray:
    """Return the fraction of each of `size` pixels in each of `side` areas, float32 (side, size); rows sum to 1."""
    edges = np.arange(side + 1) * (size / side)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(overlap, 0) * (side / size), np.float32)


def _normalize_vectors(features: np.ndarray) -> np.ndarray:
    flat = features.reshape(len(features), -1)
    # For an image of one color, rounding leaves about 1e-5; a difference of one gray level in one pixel leaves 0.01.
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(np.divide(flat, lengths, out=np.zeros_like(flat), where=lengths > 1e-3))
