"""Figures as files, alike on every machine, in colours that everyone can tell apart.

Figures are made without pyplot: no window, no global state. The user's own matplotlib settings are set aside, and no date is
written, so that the same run gives the same bytes.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from kcifar.files import write_file
from kcifar.reporting.load import SavedRun

# M. Okabe and K. Ito, Color Universal Design, 2008: https://jfly.uni-koeln.de/color/
ORANGE, SKY_BLUE, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"

DOTS_PER_INCH = 150
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.color": "#E3E3E3",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "svg.hashsalt": "kcifar",
    "text.parse_math": False,  # names are text, whatever signs they hold
}


def write_figure(figure: Callable[[SavedRun], Figure], run: SavedRun, stem: Path) -> list[Path]:
    """Draw a run's figure and write it as PNG (150 dots an inch) and SVG.

    Args:
        figure: Draws; called under the report's own settings.
        run: What to draw.
        stem: Path without ending; its folder is made.
    Returns:
        The files written.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a class name in a script that the font lacks
        drawn = figure(run)
        return [_save(drawn, stem, "png", {}), _save(drawn, stem, "svg", {"Date": None})]


def house_style() -> AbstractContextManager[None]:
    """Return a block in which every figure is drawn alike, whatever the user's own settings."""
    style: AbstractContextManager[None] = matplotlib.style.context(["default", _STYLE])
    return style


def _save(figure: Figure, stem: Path, kind: str, metadata: dict[str, Any]) -> Path:
    path = stem.with_name(f"{stem.name}.{kind}")

    def save(file: BinaryIO) -> None:
        figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)

    write_file(path, save)
    return path
