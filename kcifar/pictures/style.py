"""How every figure looks: its font, resolution and colors, which everyone can tell apart.

The user's own matplotlib settings never apply, so that a figure is the same on every machine.
"""

from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import matplotlib.style

# M. Okabe and K. Ito, Color Universal Design, 2008: https://jfly.uni-koeln.de/color/
ORANGE, SKY_BLUE, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"

# Of the cells of a matrix, which are tints of the page, and of the numbers in them.
ERROR_TINT, CORRECT_TINT = "#1F6FB5", "#6B6B6B"
INK_ON_LIGHT, INK_ON_DARK = "#010101", "#FEFEFE"

FONT = "DejaVu Sans"
# Inches. On a phone 400 px wide, letters of 9 points are then 9 px high; on a wide screen, two figures are next to each other.
FIGURE_WIDTH = 4.9
DOTS_PER_INCH = 150
DOTS_PER_POINT = DOTS_PER_INCH / 72

# Text stays text in an SVG: it can be searched, read aloud and shown in any script. The salt makes the same picture the same bytes.
# A PDF embeds its fonts as TrueType (42): journals refuse matplotlib's default, Type 3.
_FILES: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "kcifar", "pdf.fonttype": 42}
_REPORT: dict[str, Any] = _FILES | {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": DOTS_PER_INCH,  # from the start, so that what the layout measures holds for the drawing
    "font.size": 10,
    "grid.color": "#E3E3E3",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "text.parse_math": False,  # a name is text, whatever signs it contains
}


def plain_style() -> AbstractContextManager[None]:
    """Return a block in which figures have matplotlib's defaults, whatever the user's own settings."""
    style: AbstractContextManager[None] = matplotlib.style.context(["default", _FILES])
    return style


def report_style() -> AbstractContextManager[None]:
    """Return a block in which charts look as in a report, whatever the user's own settings."""
    style: AbstractContextManager[None] = matplotlib.style.context(["default", _REPORT])
    return style
