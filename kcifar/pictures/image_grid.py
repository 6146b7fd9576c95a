"""Small images in rows and columns, enlarged pixel by pixel, with words beside, above and below them."""

import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.saving import DOTS_PER_INCH, save
from kcifar.pictures.text_width import text_width

# Lengths in dots, at 150 an inch.
_BORDER, _GAP, _AFTER_FIRST = 36, 10, 26
_SIDE, _LARGEST_SIDE = 128, 192  # to which small images are enlarged, and large ones shrunk
_FRAME = 1
_TITLE, _LINE, _WORD = 11.0, 7.5, 6.5  # points
_LONGEST_NAME, _LONGEST_CAPTION, _LINE_CHARACTERS = 28, 24, 150
_BLACK, _GREY, _FRAME_GREY, _EMPTY_GREY = "#1a1a1a", "#5c5c5c", 176, 240
_DOTS_PER_POINT = DOTS_PER_INCH / 72


@dataclass(frozen=True)
class Cell:
    """One image and what is written below it.

    Attributes:
        image: uint8 (height, width, 3), or None for an empty place.
        caption: Lines below it.
    """

    image: np.ndarray | None
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """The images of one row, and the lines to the left of them."""

    title: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """What a picture shows.

    Attributes:
        title: In one line.
        text: What is said below the title; long text is wrapped.
        rows: At least one, with an image in it.
        columns: What stands above each column; none where nothing does.
        first_apart: Whether the first column is set off from the others.
    """

    title: str
    text: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    first_apart: bool = False


@dataclass(frozen=True)
class _Word:
    """A line of text: where its anchor lies, in dots from the upper left corner."""

    x: float
    y: float
    text: str
    size: float
    align: str
    colour: str = _BLACK
    bold: bool = False


def save_grid(grid: Grid, path: Path) -> None:
    """Draw a grid and write it as PNG or SVG, by the path's ending.

    Raises:
        UserError: See `diagram.saving.check_path`.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # of a class name in a script that the font lacks
        save(draw_grid(grid), path)


def draw_grid(grid: Grid) -> Figure:
    """Lay a grid out and return it as a figure of 150 dots an inch; every pixel of a small image is a square of whole dots."""
    canvas, words = _laid_out(grid)
    height, width = canvas.shape[:2]
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor="white")
    with matplotlib.rc_context({"font.family": "DejaVu Sans"}):
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False, xticks=[], yticks=[])
        axes.imshow(canvas, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
        for word in words:
            axes.text(
                word.x,
                word.y,
                word.text,
                fontsize=word.size,
                ha=word.align,
                va="center",
                color=word.colour,
                fontweight="bold" if word.bold else "normal",
                parse_math=False,
            )
    return figure


def _laid_out(grid: Grid) -> tuple[np.ndarray, list[_Word]]:
    """Return the picture without its words, uint8 (height, width, 3), and the words."""
    shown = [[None if cell.image is None else _enlarged(cell.image) for cell in row.cells] for row in grid.rows]
    sizes = [image.shape[:2] for row in shown for image in row if image is not None]
    cell_height, cell_width = (max(lengths) for lengths in zip(*sizes, strict=True))
    left, words, top = _headed(grid)
    lefts = _lefts(left, max(len(row.cells) for row in grid.rows), cell_width, grid.first_apart)
    words += [
        _Word(x + cell_width / 2, top - 14, _short(name, cell_width), _WORD, "center", _GREY) for x, name in zip(lefts, grid.columns, strict=False)
    ]
    step = _line_height(_WORD)
    tops = [top]
    for row in grid.rows:
        tops.append(tops[-1] + cell_height + _GAP + step * max(len(cell.caption) for cell in row.cells))
    heading = max(_BORDER + round(text_width(word.text, word.size, "bold" if word.bold else "normal") * _DOTS_PER_POINT) for word in words[:1])
    canvas = np.full((tops[-1] - _GAP + _BORDER, max(lefts[-1] + cell_width, heading) + _BORDER, 3), 255, np.uint8)
    for row, images, y in zip(grid.rows, shown, tops, strict=False):
        words += _titles(row, left - _GAP - 6, y + cell_height / 2)
        for cell, image, x in zip(row.cells, images, lefts, strict=False):
            _paste(canvas, image, x, y, (cell_height, cell_width))
            words += _captions(cell, x + cell_width / 2, y + cell_height + 4, cell_width)
    return canvas, words


def _headed(grid: Grid) -> tuple[int, list[_Word], int]:
    """Return where the images begin to the right, the title's words, and where the images begin below."""
    names = [one_line(line, _LONGEST_NAME) for row in grid.rows for line in row.title]
    widest = max((text_width(name, _LINE, "bold") for name in names), default=0.0)
    left = _BORDER + (round(widest * _DOTS_PER_POINT) + _GAP + 6 if names else 0)
    words = [_Word(_BORDER, _BORDER + 6, grid.title, _TITLE, "left", bold=True)]
    y = _BORDER + 6 + _line_height(_TITLE)
    for line in textwrap.wrap(grid.text, _line_characters(grid)):
        words.append(_Word(_BORDER, y, line, _LINE, "left", _GREY))
        y += _line_height(_LINE)
    return left, words, y + (26 if grid.columns else 4)


def _line_characters(grid: Grid) -> int:
    """Return how many characters a line of text may have so as not to be wider than the images."""
    dots = max(len(row.cells) for row in grid.rows) * (_SIDE + _GAP)
    return max(48, min(_LINE_CHARACTERS, round(dots / (_LINE * 0.52 * _DOTS_PER_POINT))))


def _lefts(left: int, count: int, width: int, first_apart: bool) -> list[int]:
    return [left + column * (width + _GAP) + (_AFTER_FIRST if first_apart and column else 0) for column in range(count)]


def _titles(row: Row, right: float, middle: float) -> list[_Word]:
    """Return the lines to the left of a row, the first in bold."""
    step = _line_height(_LINE)
    start = middle - step * (len(row.title) - 1) / 2
    return [
        _Word(right, start + step * k, one_line(line, _LONGEST_NAME), _LINE if k == 0 else _WORD, "right", _GREY if k else _BLACK, k == 0)
        for k, line in enumerate(row.title)
    ]


def _captions(cell: Cell, middle: float, top: float, width: int) -> list[_Word]:
    step = _line_height(_WORD)
    return [_Word(middle, top + step * (k + 0.5), _short(line, width), _WORD, "center") for k, line in enumerate(cell.caption)]


def _short(text: str, width: int) -> str:
    """Return a text that is no wider than its image."""
    line = one_line(text, _LONGEST_CAPTION)
    while len(line) > 1 and text_width(line, _WORD) * _DOTS_PER_POINT > width + _GAP:
        line = one_line(line, len(line) - 1)
    return line


def _paste(canvas: np.ndarray, image: np.ndarray | None, x: int, y: int, size: tuple[int, int]) -> None:
    """Put an image in the middle of its place, in a thin frame, without which white ones would have no edge; or an empty field."""
    height, width = size if image is None else image.shape[:2]
    y, x = y + (size[0] - height) // 2, x + (size[1] - width) // 2
    canvas[y - _FRAME : y + height + _FRAME, x - _FRAME : x + width + _FRAME] = _EMPTY_GREY if image is None else _FRAME_GREY
    if image is not None:
        canvas[y : y + height, x : x + width] = image


def _enlarged(image: np.ndarray) -> np.ndarray:
    """Return an image with each pixel repeated, or one larger than its place shrunk."""
    side = max(image.shape[:2])
    if side > _LARGEST_SIDE:
        from PIL import Image

        size = tuple(max(1, round(length * _LARGEST_SIDE / side)) for length in (image.shape[1], image.shape[0]))
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    times = max(1, round(_SIDE / side))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _line_height(points: float) -> int:
    return round(points * 1.35 * _DOTS_PER_POINT)
