"""Pictures as files."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from kcifar.core.errors import UserError
from kcifar.core.files import complete_file

DOTS_PER_INCH = 150
KINDS = {".png": {}, ".svg": {"Date": None}}  # suffix to metadata; without a date the same picture gives the same bytes
_STYLE: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "kcifar"}  # text stays text


def check_path(path: Path, place: str) -> None:
    """Refuse a path that no picture can be written to.

    Args:
        path: Where the picture is to go.
        place: What gave it, for the message.
    Raises:
        UserError: Its ending is not .png or .svg, its folder does not exist, or it is a folder.
    """
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{place} {path}: expected a file that ends in {' or '.join(KINDS)}, got {path.name!r}")
    if not path.parent.is_dir():
        raise UserError(f"{place} {path}: expected a folder that exists, got {str(path.parent)!r}")
    if path.is_dir():
        raise UserError(f"{place} {path}: expected a file, got a folder")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG (150 dots an inch) or SVG, by the path's ending; the file is complete or absent.

    Raises:
        UserError: See `check_path`.
    """
    check_path(path, "picture")
    kind = path.suffix.lower()
    with matplotlib.style.context(["default", _STYLE]), complete_file(path) as partial:
        figure.savefig(partial, format=kind[1:], dpi=DOTS_PER_INCH, metadata=KINDS[kind])
