"""Figures as files and as bytes. They are made without pyplot: no window, no global state, and the same figure gives the same bytes."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from kcifar.core.files import complete_file
from kcifar.core.output_paths import check_picture_path
from kcifar.pictures.style import DOTS_PER_INCH, plain_style, report_style

_NO_DATE, _NO_CREATION_DATE = {"Date": None}, {"CreationDate": None}
_METADATA = {".png": {}, ".svg": _NO_DATE}  # by the file's ending
_PNG_LEVEL = 3  # of compression; as small as with the channel of transparency at the usual 6, in half the time


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


def render_figure(draw: Callable[[], Figure], kinds: Sequence[str] = ("png", "svg")) -> tuple[bytes, ...]:
    """Draw a figure in the style of a report and return it as each of these kinds: "png" (150 dots per inch), "svg", "pdf".

    The layout is solved once for all, and each is drawn once; `Figure.savefig` would draw everything twice.
    """
    with report_style(), without_glyph_warnings():
        figure = draw()
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        return tuple(_PRINTERS[kind](figure) for kind in kinds)


def _print_png(figure: Figure) -> bytes:
    """Return the figure without a channel of transparency, which would be opaque everywhere: smaller, and faster to compress."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    file = io.BytesIO()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.save(file, "png", dpi=(figure.dpi, figure.dpi), compress_level=_PNG_LEVEL)
    return file.getvalue()


def _print_svg(figure: Figure) -> bytes:
    file = io.StringIO()
    FigureCanvasSVG(figure).print_svg(file, metadata=_NO_DATE)  # type: ignore[no-untyped-call]
    return file.getvalue().encode("utf-8")


def _print_pdf(figure: Figure) -> bytes:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    file = io.BytesIO()
    FigureCanvasPdf(figure).print_pdf(file, metadata=_NO_CREATION_DATE)  # type: ignore[no-untyped-call]
    return file.getvalue()


_PRINTERS: dict[str, Callable[[Figure], bytes]] = {"png": _print_png, "svg": _print_svg, "pdf": _print_pdf}
