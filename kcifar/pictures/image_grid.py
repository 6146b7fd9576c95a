"""Small images in rows and columns, enlarged pixel by pixel, with text next to, above and below them."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.pixels import FRAME, enlarge, paste_framed
from kcifar.pictures.saving import save_figure, without_glyph_warnings
from kcifar.pictures.style import DOTS_PER_INCH, DOTS_PER_POINT, FONT, plain_style
from kcifar.pictures.text import fit_text, line_height, measure_text

# Lengths in dots.
_BORDER, _GAP, _AFTER_FIRST = 36, 10, 26
_SIDE, _MAX_SIDE = 128, 192  # small images are enlarged to about the first; larger ones are shrunk to the second
_TITLE, _LINE, _CAPTION = 11.0, 7.5, 6.5  # sizes in points
_MAX_NAME, _MAX_LINE = 28, 150  # letters
_BLACK, _GRAY, _EMPTY_GRAY = "#1a1a1a", "#5c5c5c", 240


@dataclass(frozen=True)
class GridCell:
    """One image and its caption.

    Attributes:
        image: uint8 (height, width, 3), or None for an empty cell.
        caption: Lines below it.
    """

    image: np.ndarray | None
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class GridRow:
    """The images of one row, and the lines to the left of them."""

    title: tuple[str, ...]
    cells: tuple[GridCell, ...]


@dataclass(frozen=True)
class Grid:
    """The content of a picture.

    Attributes:
        title: One line.
        text: Below the title; long text is wrapped.
        rows: At least one, with an image in it.
        columns: Names above the columns, or none.
        first_apart: Whether the first column is set apart from the others.
    """

    title: str
    text: str
    rows: tuple[GridRow, ...]
    columns: tuple[str, ...] = ()
    first_apart: bool = False


@dataclass(frozen=True)
class _Line:
    """A line of text and the place of its anchor, in dots from the upper left corner."""

    x: float
    y: float
    text: str
    size: float
    align: str
    color: str = _BLACK
    bold: bool = False

    @property
    def weight(self) -> str:
        return "bold" if self.bold else "normal"


def save_grid(grid: Grid, path: Path) -> None:
    """Draw a grid and write it as PNG or SVG, by the path's ending.

    Raises:
        UserError: See `save_figure`.
    """
    with without_glyph_warnings():
        save_figure(draw_grid(grid), path)


def draw_grid(grid: Grid) -> Figure:
    """Draw a grid as a figure of 150 dots per inch; every pixel of a small image is a square of whole dots."""
    canvas, lines = _lay_out(grid)
    height, width = canvas.shape[:2]
    with plain_style():
        figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor="white")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False, xticks=[], yticks=[])
        axes.imshow(canvas, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
        for line in lines:
            axes.text(
                line.x,
                line.y,
                line.text,
                fontsize=line.size,
                ha=line.align,
                va="center",
                color=line.color,
                family=FONT,
                fontweight=line.weight,
                parse_math=False,
            )
    return figure


def _lay_out(grid: Grid) -> tuple[np.ndarray, list[_Line]]:
    """Return the picture without its text, uint8 (height, width, 3), and the lines of text."""
    images = [[None if cell.image is None else _resize(cell.image) for cell in row.cells] for row in grid.rows]
    sizes = [image.shape[:2] for row in images for image in row if image is not None]
    cell_height, cell_width = (max(lengths) for lengths in zip(*sizes, strict=True))
    left, lines, top = _lay_out_heading(grid)
    lefts = _place_columns(left, max(len(row.cells) for row in grid.rows), cell_width, grid.first_apart)
    lines += [
        _Line(x + cell_width / 2, top - 14, _fit_caption(name, cell_width), _CAPTION, "center", _GRAY)
        for x, name in zip(lefts, grid.columns, strict=False)
    ]
    tops = [top]
    for row in grid.rows:
        tops.append(tops[-1] + cell_height + _GAP + line_height(_CAPTION) * max(len(cell.caption) for cell in row.cells))
    heading = max(_BORDER + round(measure_text(line.text, line.size, line.weight) * DOTS_PER_POINT) for line in lines[:1])
    canvas = np.full((tops[-1] - _GAP + _BORDER, max(lefts[-1] + cell_width, heading) + _BORDER, 3), 255, np.uint8)
    for row, row_images, y in zip(grid.rows, images, tops, strict=False):
        lines += _write_titles(row, left - _GAP - 6, y + cell_height / 2)
        for cell, image, x in zip(row.cells, row_images, lefts, strict=False):
            _paste_centered(canvas, image, x, y, (cell_height, cell_width))
            lines += _write_caption(cell, x + cell_width / 2, y + cell_height + 4, cell_width)
    return canvas, lines


def _lay_out_heading(grid: Grid) -> tuple[int, list[_Line], int]:
    """Return the left end of the images, the lines of the title and text, and the top of the images."""
    names = [one_line(line, _MAX_NAME) for row in grid.rows for line in row.title]
    widest = max((measure_text(name, _LINE, "bold") for name in names), default=0.0)
    left = _BORDER + (round(widest * DOTS_PER_POINT) + _GAP + 6 if names else 0)
    lines = [_Line(_BORDER, _BORDER + 6, grid.title, _TITLE, "left", bold=True)]
    y = _BORDER + 6 + line_height(_TITLE)
    for text in textwrap.wrap(grid.text, _count_letters(grid)):
        lines.append(_Line(_BORDER, y, text, _LINE, "left", _GRAY))
        y += line_height(_LINE)
    return left, lines, y + (26 if grid.columns else 4)


def _count_letters(grid: Grid) -> int:
    """Return how many letters fit a line of text that is as wide as the images."""
    dots = max(len(row.cells) for row in grid.rows) * (_SIDE + _GAP)
    return max(48, min(_MAX_LINE, round(dots / (_LINE * 0.52 * DOTS_PER_POINT))))


def _place_columns(left: int, count: int, width: int, first_apart: bool) -> list[int]:
    return [left + column * (width + _GAP) + (_AFTER_FIRST if first_apart and column else 0) for column in range(count)]


def _write_titles(row: GridRow, right: float, middle: float) -> list[_Line]:
    """Return the lines to the left of a row, the first in bold."""
    step = line_height(_LINE)
    start = middle - step * (len(row.title) - 1) / 2
    return [
        _Line(right, start + step * k, one_line(line, _MAX_NAME), _CAPTION if k else _LINE, "right", _GRAY if k else _BLACK, k == 0)
        for k, line in enumerate(row.title)
    ]


def _write_caption(cell: GridCell, middle: float, top: float, width: int) -> list[_Line]:
    step = line_height(_CAPTION)
    return [_Line(middle, top + step * (k + 0.5), _fit_caption(line, width), _CAPTION, "center") for k, line in enumerate(cell.caption)]


def _fit_caption(text: str, width: int) -> str:
    """Return a text that is no wider than its image."""
    return fit_text(text, (width + _GAP) / DOTS_PER_POINT, _CAPTION)


def _paste_centered(canvas: np.ndarray, image: np.ndarray | None, x: int, y: int, size: tuple[int, int]) -> None:
    """Put an image in the middle of its cell; an empty cell is gray."""
    height, width = size
    if image is None:
        canvas[y - FRAME : y + height + FRAME, x - FRAME : x + width + FRAME] = _EMPTY_GRAY
    else:
        paste_framed(canvas, image, x + (width - image.shape[1]) // 2, y + (height - image.shape[0]) // 2)


def _resize(image: np.ndarray) -> np.ndarray:
    """Return a small image with each pixel repeated, or one larger than its cell shrunk."""
    longest = max(image.shape[:2])
    return enlarge(image, _MAX_SIDE if longest > _MAX_SIDE else longest * max(1, round(_SIDE / longest)))
