"""Reads the official pickles without running anything that they name.

The files were written by Python 2 and NumPy. All they need is text, numbers, lists, dictionaries and one uint8 array. The names of
NumPy that they mention stand here for two classes of ours, which only keep what the file says; every other name is refused.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line


class _Dtype:
    """Stands for `numpy.dtype`."""

    def __init__(self, code: object, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and layout: a byte has none."""


class _Array:
    """Stands for `numpy.ndarray` and for the function that rebuilds one."""

    def __init__(self, *_placeholders: object) -> None:
        self._state: Any = None

    def __setstate__(self, state: object) -> None:
        self._state = state

    def numpy(self) -> np.ndarray:
        """Return the array, a view of the bytes that the file holds; ValueError if it is anything but whole uint8 data."""
        _version, shape, dtype, column_major, content = self._state
        if dtype.code not in ("u1", b"u1"):
            raise ValueError(f"expected an array of bytes (u1), got {dtype.code!r}")
        if math.prod(shape) != len(content):
            raise ValueError(f"expected {math.prod(shape)} bytes, got {len(content)}")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if column_major else "C")


def _latin1(text: str, encoding: str) -> bytes:
    """Stands for `_codecs.encode`, by which Python 3 writes bytes into a file meant for Python 2."""
    if encoding != "latin1":
        raise ValueError(f"expected text in latin1, got {encoding!r}")
    return text.encode("latin1")


_ADMITTED = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle._Unpickler):
    """The reading loop in Python, of the standard library: the one in C can be made to reserve any amount of memory by four bytes."""

    def find_class(self, module: str, name: str) -> Any:
        admitted = _ADMITTED.get((module, name))
        if admitted is None:
            raise UserError(f"refused: it calls {one_line(f'{module}.{name}', 80)}; such a file needs NumPy arrays and plain containers only")
        return admitted


def read_pickle(content: bytes, place: str) -> dict[str, Any]:
    """Return the dictionary that a pickle of CIFAR holds; its arrays are uint8 and read-only, its texts are bytes.

    Args:
        content: The file.
        place: What a message calls it.
    Raises:
        UserError: It names anything but NumPy's arrays and types, is damaged, or holds no dictionary.
    """
    try:
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise TypeError(f"expected a dictionary, got {type(found).__name__}")
        return {_key(key): value.numpy() if isinstance(value, _Array) else value for key, value in found.items()}
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    except Exception as error:  # a damaged pickle can fail in almost any way
        raise UserError(f"{place}: damaged, or no pickle of CIFAR ({one_line(error) or type(error).__name__})") from None


def _key(key: object) -> str:
    if not isinstance(key, bytes | str):
        raise TypeError(f"expected keys of text, got {type(key).__name__}")
    return key.decode("latin1") if isinstance(key, bytes) else key
