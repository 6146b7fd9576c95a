"""The files inside the official archives of CIFAR: one function for each kind, from bytes to images, labels or names.

Python archive: pickled dictionaries, `data` uint8 (rows, 3072), each row all of red, then green, then blue, row by row.
Binary archive: records of one label byte (CIFAR-100: coarse, then fine) and the same 3,072 bytes; names one a line.
Source: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import mmap
from collections.abc import Sequence

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.dataset import Part
from kcifar.datasets.pickles import read_pickle

SIDE = 32
_PIXELS = 3 * SIDE * SIDE


def pickled_batch(content: bytes, place: str, label_key: str, num_classes: int) -> Part:
    """Return the images and labels of one file of the Python archive."""
    batch = read_pickle(content, place)
    data = batch.get("data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _PIXELS:
        shape = data.shape if isinstance(data, np.ndarray) else "none"
        raise UserError(f"{place}: expected data of shape (rows, {_PIXELS}), got {shape}")
    labels = batch.get(label_key)
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise UserError(f"{place}: expected {label_key} as a list of integers; the file holds {_listed(batch)}")
    return _part(data, labels, num_classes, place)


def binary_batch(content: bytes, place: str, label_bytes: int, label_column: int, num_classes: int) -> Part:
    """Return the images and labels of one file of the binary archive, whose records open with `label_bytes` labels."""
    record = label_bytes + _PIXELS
    if len(content) % record:
        raise UserError(f"{place}: truncated: expected a multiple of {record} bytes, got {len(content)}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, record)
    return _part(rows[:, label_bytes:], rows[:, label_column].tolist(), num_classes, place)


def pickled_names(content: bytes, place: str, key: str) -> tuple[str, ...]:
    """Return the class names that the Python archive's meta file holds under `key`."""
    names = read_pickle(content, place).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes | str) for name in names):
        raise UserError(f"{place}: expected {key} as a list of names")
    return tuple(name.decode("latin1") if isinstance(name, bytes) else name for name in names)


def text_names(content: bytes, place: str) -> tuple[str, ...]:
    """Return the class names of the binary archive, one a line; empty lines at the end are part of the format."""
    return tuple(content.decode("latin1").split())


def joined(parts: list[Part]) -> Part:
    """Return the parts as one, emptying the list on the way, so that the images are held once.

    The result's memory is only taken as it is written, while each part is let go: the peak is one part above the result.
    """
    total = sum(map(len, parts))
    images = np.empty((total, SIDE, SIDE, 3), np.uint8)
    labels = np.empty(total, np.int64)
    start = 0
    while parts:
        part = parts.pop(0)
        images[start : start + len(part)] = part.images
        labels[start : start + len(part)] = part.labels
        start += len(part)
    return Part(images, labels)


def _part(data: np.ndarray, labels: Sequence[int], num_classes: int, place: str) -> Part:
    if len(labels) != len(data) or not len(data):
        raise UserError(f"{place}: expected as many labels as images and at least one, got {len(labels)} labels and {len(data)} images")
    if min(labels) < 0 or max(labels) >= num_classes:
        raise UserError(f"{place}: expected labels from 0 to {num_classes - 1}, got {one_line(min(labels), 20)} to {one_line(max(labels), 20)}")
    # Pages of their own, which the system has back as soon as the part is joined; the C library would keep 170 MB of CIFAR-10's.
    images = np.frombuffer(mmap.mmap(-1, data.size), np.uint8).reshape(-1, SIDE, SIDE, 3)
    for channel, plane in enumerate(data.reshape(-1, 3, SIDE, SIDE).swapaxes(0, 1)):
        images[..., channel] = plane
    return Part(images, np.asarray(labels, np.int64))


def _listed(batch: dict[str, object]) -> str:
    return one_line(", ".join(sorted(batch)), 80)
