"""Files that are complete or absent, even if writing them is interrupted."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

PARTIAL = ".partial-"


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; at the end it is flushed to disk and renamed to `path`, and after an error it is deleted.

    Args:
        path: The file; an older one is replaced atomically.
    """
    partial = path.with_name(PARTIAL + path.name)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is complete or absent.

    Args:
        path: The file.
        write: Called with the open binary file.
    """
    with complete_file(path) as partial, partial.open("wb") as file:
        write(file)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes with `write_file`."""
    write_file(path, lambda file: file.write(content))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `write_file`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON with `write_file`; NaN and infinities are refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename survives a power failure; does nothing where folders cannot be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def compute_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
