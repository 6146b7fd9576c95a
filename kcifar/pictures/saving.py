"""Figures as files and as bytes. They are made without pyplot: no window, no global state, and the same figure gives the same bytes."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from kcifar.core.files import complete_file
from kcifar.core.output_paths import check_picture_path
from kcifar.pictures.style import DOTS_PER_INCH, plain_style, report_style

_NO_DATE = {"Date": None}
_METADATA = {".png": {}, ".svg": _NO_DATE}  # by the file's ending


@contextmanager
def without_glyph_warnings() -> Iterator[None]:
    """Ignore that the font lacks a letter: the name of a class or run may be in any script."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG (150 dots per inch) or SVG, by the path's ending; the file is complete or absent.

    Raises:
        UserError: See `check_picture_path`.
    """
    check_picture_path(path, "picture")
    suffix = path.suffix.lower()
    with plain_style(), without_glyph_warnings(), complete_file(path) as partial:
        figure.savefig(partial, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=_METADATA[suffix])


def render_figure(draw: Callable[[], Figure]) -> tuple[bytes, bytes]:
    """Draw a figure in the style of a report and return it as PNG (150 dots per inch) and SVG.

    The layout is solved once for both, and each is drawn once; `Figure.savefig` would draw everything twice.
    """
    with report_style(), without_glyph_warnings():
        figure = draw()
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        png, svg = io.BytesIO(), io.StringIO()
        FigureCanvasAgg(figure).print_png(png)  # type: ignore[no-untyped-call]
        FigureCanvasSVG(figure).print_svg(svg, metadata=_NO_DATE)  # type: ignore[no-untyped-call]
        return png.getvalue(), svg.getvalue().encode("utf-8")
