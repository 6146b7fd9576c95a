"""Figures as files, alike on every machine, in colours that everyone can tell apart.

Figures are made without pyplot: no window, no global state. The user's own matplotlib settings are set aside, and no date is
written, so that the same run gives the same bytes.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

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
    "figure.dpi": DOTS_PER_INCH,  # from the start: what is measured for the layout serves the drawing
    "font.size": 10,
    "grid.color": "#E3E3E3",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "svg.fonttype": "none",
    "svg.hashsalt": "kcifar",
    "text.parse_math": False,  # names are text, whatever signs they hold
}


def rendered(draw: Callable[[], Figure]) -> tuple[bytes, bytes]:
    """Draw a figure under the report's own settings and return it as PNG (150 dots an inch) and SVG.

    The layout is solved once for both, and each is drawn once (`Figure.savefig` would draw everything twice). Text stays text in the
    SVG: it can be read out, searched and shown in any script.
    """
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a class name in a script that the font lacks
        drawn = draw()
        engine = drawn.get_layout_engine()
        if engine is not None:
            engine.execute(drawn)
            drawn.set_layout_engine("none")
        png, svg = io.BytesIO(), io.StringIO()
        FigureCanvasAgg(drawn).print_png(png)  # type: ignore[no-untyped-call]
        FigureCanvasSVG(drawn).print_svg(svg, metadata={"Date": None})  # type: ignore[no-untyped-call]
        return png.getvalue(), svg.getvalue().encode("utf-8")


def house_style() -> AbstractContextManager[None]:
    """Return a block in which every figure is drawn alike, whatever the user's own settings."""
    style: AbstractContextManager[None] = matplotlib.style.context(["default", _STYLE])
    return style
