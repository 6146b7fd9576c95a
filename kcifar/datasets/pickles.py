"""Reads the official pickles without running anything that they name.

The files were written by Python 2 and NumPy. They contain only text, numbers, lists, dictionaries and one uint8 array. The NumPy names
that they mention are replaced by two classes that only keep the data of the file; every other name is refused.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line


class _Dtype:
    """Replaces `numpy.dtype`."""

    def __init__(self, code: object, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and layout: a byte has none."""


class _Array:
    """Replaces `numpy.ndarray` and the function that rebuilds one."""

    def __init__(self, *_placeholders: object) -> None:
        self._state: Any = None

    def __setstate__(self, state: object) -> None:
        self._state = state

    def numpy(self) -> np.ndarray:
        """Return the array, a view of the bytes in the file; ValueError if it is anything but complete uint8 data."""
        _version, shape, dtype, column_major, content = self._state
        if dtype.code not in ("u1", b"u1"):
            raise ValueError(f"expected an array of bytes (u1), got {dtype.code!r}")
        if math.prod(shape) != len(content):
            raise ValueError(f"expected {math.prod(shape)} bytes, got {len(content)}")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if column_major else "C")


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Replaces `_codecs.encode`, with which Python 3 writes bytes into a file for Python 2."""
    if encoding != "latin1":
        raise ValueError(f"expected text in latin1, got {encoding!r}")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("_codecs", "encode"): _encode_latin1,
}


class _Unpickler(pickle._Unpickler):
    """The standard library's unpickler in Python: four bytes can make the one in C reserve any amount of memory."""

    def find_class(self, module: str, name: str) -> Any:
        replacement = _ALLOWED.get((module, name))
        if replacement is None:
            raise UserError(f"refused: it calls {one_line(f'{module}.{name}', 80)}; such a file needs only NumPy arrays and plain containers")
        return replacement


def read_pickle(content: bytes, place: str) -> dict[str, Any]:
    """Return the dictionary in a pickle of CIFAR; its arrays are uint8 and read-only, its texts are bytes.

    Args:
        content: The bytes of the file.
        place: The name of the file in messages.
    Raises:
        UserError: It names anything but NumPy's arrays and types, is damaged, or contains no dictionary.
    """
    try:
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(value, dict):
            raise TypeError(f"expected a dictionary, got {type(value).__name__}")
        return {_decode_key(key): item.numpy() if isinstance(item, _Array) else item for key, item in value.items()}
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    except Exception as error:  # a damaged pickle can fail in almost any way
        raise UserError(f"{place}: damaged, or not a pickle of CIFAR ({one_line(error) or type(error).__name__})") from None


def _decode_key(key: object) -> str:
    if not isinstance(key, bytes | str):
        raise TypeError(f"expected keys of text, got {type(key).__name__}")
    return key.decode("latin1") if isinstance(key, bytes) else key
