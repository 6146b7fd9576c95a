"""The files inside the official archives of CIFAR: one function for each kind, from bytes to images, labels or names.

Python archive: pickled dictionaries, `data` uint8 (rows, 3072); each row contains all of red, then green, then blue, row by row.
Binary archive: records of one label byte (CIFAR-100: coarse, then fine) and the same 3,072 bytes; names one per line.
Source: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import mmap
from collections.abc import Sequence

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.dataset import Split
from kcifar.datasets.messages import join_names
from kcifar.datasets.pickles import read_pickle

SIDE = 32
_NUM_VALUES = 3 * SIDE * SIDE


def read_pickled_batch(content: bytes, place: str, label_key: str, num_classes: int) -> Split:
    """Return the images and labels of one file of the Python archive."""
    batch = read_pickle(content, place)
    data = batch.get("data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _NUM_VALUES:
        shape = data.shape if isinstance(data, np.ndarray) else "none"
        raise UserError(f"{place}: expected data of shape (rows, {_NUM_VALUES}), got {shape}")
    labels = batch.get(label_key)
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise UserError(f"{place}: expected {label_key} as a list of integers; the file contains {join_names(sorted(batch), 80)}")
    return _make_split(data, labels, num_classes, place)


def read_binary_batch(content: bytes, place: str, label_bytes: int, label_column: int, num_classes: int) -> Split:
    """Return the images and labels of one file of the binary archive, whose records start with `label_bytes` labels."""
    record = label_bytes + _NUM_VALUES
    if len(content) % record:
        raise UserError(f"{place}: truncated: expected a multiple of {record} bytes, got {len(content)}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, record)
    return _make_split(rows[:, label_bytes:], rows[:, label_column].tolist(), num_classes, place)


def read_pickled_names(content: bytes, place: str, key: str) -> tuple[str, ...]:
    """Return the class names under `key` in the meta file of the Python archive."""
    names = read_pickle(content, place).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise UserError(f"{place}: expected {key} as a list of names")
    return tuple(name.decode("latin1") if isinstance(name, bytes) else name for name in names)


def read_text_names(content: bytes, place: str) -> tuple[str, ...]:
    """Return the class names of the binary archive, one per line; the format ends with empty lines."""
    return tuple(content.decode("latin1").split())


def concatenate_splits(splits: list[Split]) -> Split:
    """Return the splits as one; the list is emptied on the way, so that the images are never in memory twice.

    The system provides the result's memory as it is written, while each split is released: the peak is the result plus one split.
    """
    total = sum(map(len, splits))
    images = np.empty((total, SIDE, SIDE, 3), np.uint8)
    labels = np.empty(total, np.int64)
    start = 0
    while splits:
        split = splits.pop(0)
        images[start : start + len(split)] = split.images
        labels[start : start + len(split)] = split.labels
        start += len(split)
    return Split(images, labels)


def _make_split(data: np.ndarray, labels: Sequence[int], num_classes: int, place: str) -> Split:
    if len(labels) != len(data) or not len(data):
        raise UserError(f"{place}: expected as many labels as images and at least one, got {len(labels)} labels and {len(data)} images")
    if min(labels) < 0 or max(labels) >= num_classes:
        raise UserError(f"{place}: expected labels from 0 to {num_classes - 1}, got {one_line(min(labels), 20)} to {one_line(max(labels), 20)}")
    # Separate memory pages, which the system reclaims as soon as the batch is copied; the C library would keep 170 MB of CIFAR-10's.
    images = np.frombuffer(mmap.mmap(-1, data.size), np.uint8).reshape(-1, SIDE, SIDE, 3)
    for channel, plane in enumerate(data.reshape(-1, 3, SIDE, SIDE).swapaxes(0, 1)):
        images[..., channel] = plane
    return Split(images, np.asarray(labels, np.int64))
