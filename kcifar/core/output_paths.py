"""Refuses output files that cannot be written, before anything slow is done."""

from collections.abc import Collection
from pathlib import Path

from kcifar.core.errors import UserError

PICTURE_SUFFIXES = (".png", ".svg")


def check_picture_path(path: Path, place: str) -> None:
    """Refuse a path that no picture can be written to; see `check_output_path`."""
    check_output_path(path, place, PICTURE_SUFFIXES)


def check_output_path(path: Path, place: str, suffixes: Collection[str]) -> None:
    """Refuse a path that no file of some kinds can be written to.

    Args:
        path: Where the file is to go.
        place: The option that names it, for the message.
        suffixes: Of the kinds, such as ".png".
    Raises:
        UserError: Its suffix is none of those, its folder does not exist, or it is a folder.
    """
    if path.suffix.lower() not in suffixes:
        raise UserError(f"{place} {path}: expected a file that ends in {' or '.join(suffixes)}, got {path.name!r}")
    if not path.parent.is_dir():
        raise UserError(f"{place} {path}: expected a folder that exists, got {str(path.parent)!r}")
    if path.is_dir():
        raise UserError(f"{place} {path}: expected a file, got a folder")
