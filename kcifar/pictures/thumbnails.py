"""Small images in rows, enlarged pixel by pixel, with words above each row and below each image.

All images of a figure are one picture in one panel: a panel an image would cost seconds. Unlike the pictures of `image_grid`, which are
made for a large screen, these are narrow and their words large, so that they can be read on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from kcifar.pictures.style import DOTS_PER_INCH
from kcifar.pictures.text_fit import fitted

WORDS, HEADING, _TITLE = 9.0, 9.5, 10.0  # sizes in points

# Lengths in dots, at 150 an inch.
_WIDTH, _BORDER, _GAP, _FRAME = 840, 20, 16, 1
_DOTS_PER_POINT = DOTS_PER_INCH / 72
_FRAME_GREY = 176


@dataclass(frozen=True)
class Thumbnail:
    """An image, uint8 (height, width, 3), and the lines below it, which fit `words_room`."""

    image: np.ndarray
    words: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """At most as many images as there are columns, and what stands above them; empty for nothing."""

    heading: str
    thumbnails: Sequence[Thumbnail]


class _Picture(Artist):
    """Pixels laid on a figure dot by dot, from its upper left corner; `imshow` would resample them four times, for half of the whole time."""

    def __init__(self, pixels: np.ndarray) -> None:
        """Take uint8 (height, width, 4), as large as the figure has dots."""
        super().__init__()
        self.pixels = pixels

    def draw(self, renderer: RendererBase) -> None:
        """Draw; renderers want the lowest row first."""
        context = renderer.new_gc()
        renderer.draw_image(context, 0, 0, self.pixels[::-1])
        context.restore()


def words_room(columns: int) -> float:
    """Return how wide a line below an image may be, in points."""
    return (_pitch(columns) - 4) / _DOTS_PER_POINT


def in_rows(thumbnails: Sequence[Thumbnail], columns: int) -> list[Row]:
    """Return thumbnails in rows without headings, the last one perhaps shorter."""
    return [Row("", thumbnails[start : start + columns]) for start in range(0, len(thumbnails), columns)]


def draw_thumbnails(name: str, words: str, rows: Sequence[Row], columns: int) -> Figure:
    """Draw rows of images below a title; every pixel of a small image is a square of whole dots.

    Args:
        name: Of the run; cut where the title is too wide.
        words: What the images are; the rest of the title.
        rows: At least one, each with at least one image.
        columns: So many images fit one row.
    """
    rows = [_enlarged(row, _pitch(columns) - _GAP) for row in rows]
    tops, height = _tops(rows)
    canvas = np.full((height, _WIDTH, 4), 255, np.uint8)
    figure = Figure(figsize=(_WIDTH / DOTS_PER_INCH, height / DOTS_PER_INCH))
    figure.set_layout_engine("none")
    panel = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, _WIDTH), ylim=(height, 0))
    panel.set_axis_off()
    panel.add_artist(_Picture(canvas))
    title = fitted(name, (_WIDTH - 2 * _BORDER) / _DOTS_PER_POINT, _TITLE, after=f": {words}", weight="bold")
    panel.text(_BORDER, _BORDER, title, fontsize=_TITLE, fontweight="bold", va="top")
    for row, top in zip(rows, tops, strict=True):
        if row.heading:
            panel.text(_BORDER, top + _line(HEADING) / 2, row.heading, fontsize=HEADING, fontweight="bold", va="center")
        _draw_row(panel, canvas, row, top + _heading_height(row), _pitch(columns))
    return figure


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image as large as fits a square: each pixel repeated a whole number of times, or blocks of so many pixels averaged.

    Args:
        image: uint8 (height, width, 3).
        side: Of the square, in pixels.
    """
    longest = max(image.shape[:2])
    if longest <= side:
        times = side // longest
        return image.repeat(times, axis=0).repeat(times, axis=1)
    block = -(-longest // side)
    rows, columns = (np.arange(0, length, block) for length in image.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(image, rows, axis=0, dtype=np.int64), columns, axis=1)
    counts = np.outer(np.diff([*rows, image.shape[0]]), np.diff([*columns, image.shape[1]]))
    return np.asarray(np.rint(sums / counts[:, :, None]), np.uint8)


def _draw_row(panel: Axes, canvas: np.ndarray, row: Row, top: int, pitch: int) -> None:
    """Put the images of a row into the canvas, in a thin frame, without which white ones would have no edge, and their words below."""
    for column, thumbnail in enumerate(row.thumbnails):
        height, width = thumbnail.image.shape[:2]
        left = _BORDER + column * pitch + (pitch - width) // 2
        canvas[top : top + height + 2 * _FRAME, left - _FRAME : left + width + _FRAME, :3] = _FRAME_GREY
        canvas[top + _FRAME : top + _FRAME + height, left : left + width, :3] = thumbnail.image
        for number, line in enumerate(thumbnail.words, start=1):
            panel.text(left + width / 2, top + height + number * _line(WORDS), line, fontsize=WORDS, ha="center")


def _enlarged(row: Row, side: int) -> Row:
    return Row(row.heading, [Thumbnail(enlarged(thumbnail.image, side), thumbnail.words) for thumbnail in row.thumbnails])


def _tops(rows: Sequence[Row]) -> tuple[list[int], int]:
    """Return where each row begins, and where the last ends."""
    tops = [_BORDER + _line(_TITLE) + 12]
    for row in rows:
        tallest = max(len(thumbnail.image) for thumbnail in row.thumbnails)
        words = max(len(thumbnail.words) for thumbnail in row.thumbnails)
        tops.append(tops[-1] + _heading_height(row) + tallest + words * _line(WORDS) + _GAP)
    return tops[:-1], tops[-1]


def _heading_height(row: Row) -> int:
    return _line(HEADING) + 4 if row.heading else 0


def _pitch(columns: int) -> int:
    return (_WIDTH - 2 * _BORDER) // columns


def _line(points: float) -> int:
    return round(points * 1.35 * _DOTS_PER_POINT)
