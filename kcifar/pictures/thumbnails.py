"""Small images in rows, enlarged pixel by pixel, with text above each row and below each image.

All images of a figure are one picture in one panel: a panel per image would take seconds. Unlike the pictures of `image_grid`, which
are made for a large screen, these are narrow and their text is large, so that they can be read on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from kcifar.pictures.pixels import FRAME, enlarge, paste_framed
from kcifar.pictures.style import DOTS_PER_INCH, DOTS_PER_POINT, FIGURE_WIDTH
from kcifar.pictures.text import fit_text, line_height

CAPTION_SIZE, HEADING_SIZE, _TITLE_SIZE = 9.0, 9.5, 10.0  # points

# Lengths in dots.
_WIDTH, _BORDER, _GAP = round(FIGURE_WIDTH * DOTS_PER_INCH), 20, 16


@dataclass(frozen=True)
class Thumbnail:
    """An image, uint8 (height, width, 3), and the lines below it, no wider than `caption_width`."""

    image: np.ndarray
    caption: tuple[str, ...]


@dataclass(frozen=True)
class ThumbnailRow:
    """At most as many images as there are columns, and the heading above them; empty for none."""

    heading: str
    thumbnails: Sequence[Thumbnail]


class _Picture(Artist):
    """Pixels put on a figure dot by dot, from its upper left corner; `imshow` would resample them four times and take half of the total time."""

    def __init__(self, pixels: np.ndarray) -> None:
        """Take uint8 (height, width, 4): one pixel per dot of the figure."""
        super().__init__()
        self.pixels = pixels

    def draw(self, renderer: RendererBase) -> None:
        """Draw; a renderer expects the lowest row first."""
        context = renderer.new_gc()
        renderer.draw_image(context, 0, 0, self.pixels[::-1])
        context.restore()


def caption_width(columns: int) -> float:
    """Return how wide a line below an image may be, in points."""
    return (_pitch(columns) - 4) / DOTS_PER_POINT


def split_into_rows(thumbnails: Sequence[Thumbnail], columns: int) -> list[ThumbnailRow]:
    """Return thumbnails in rows without headings; the last row may be shorter."""
    return [ThumbnailRow("", thumbnails[start : start + columns]) for start in range(0, len(thumbnails), columns)]


def draw_thumbnails(name: str, text: str, rows: Sequence[ThumbnailRow], columns: int) -> Figure:
    """Draw rows of images below a title; every pixel of a small image is a square of whole dots.

    Args:
        name: Of the run; cut if the title is too wide.
        text: The rest of the title: which images these are.
        rows: At least one, each with at least one image.
        columns: The number of images that fit one row.
    """
    rows = [_enlarge_row(row, _pitch(columns) - _GAP) for row in rows]
    tops, height = _place_rows(rows)
    canvas = np.zeros((height, _WIDTH, 4), np.uint8)  # clear between the images, so that a dark page shows through
    figure = Figure(figsize=(_WIDTH / DOTS_PER_INCH, height / DOTS_PER_INCH))
    figure.set_layout_engine("none")
    panel = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, _WIDTH), ylim=(height, 0))
    panel.set_axis_off()
    panel.add_artist(_Picture(canvas))
    title = fit_text(name, (_WIDTH - 2 * _BORDER) / DOTS_PER_POINT, _TITLE_SIZE, after=f": {text}", weight="bold")
    panel.text(_BORDER, _BORDER, title, fontsize=_TITLE_SIZE, fontweight="bold", va="top")
    for row, top in zip(rows, tops, strict=True):
        if row.heading:
            panel.text(_BORDER, top + line_height(HEADING_SIZE) / 2, row.heading, fontsize=HEADING_SIZE, fontweight="bold", va="center")
        _draw_row(panel, canvas, row, top + _heading_height(row), _pitch(columns))
    return figure


def _draw_row(panel: Axes, canvas: np.ndarray, row: ThumbnailRow, top: int, pitch: int) -> None:
    """Put the images of a row into the canvas and their captions below."""
    for column, thumbnail in enumerate(row.thumbnails):
        height, width = thumbnail.image.shape[:2]
        left = _BORDER + column * pitch + (pitch - width) // 2
        paste_framed(canvas, thumbnail.image, left, top + FRAME)
        for number, line in enumerate(thumbnail.caption, start=1):
            panel.text(left + width / 2, top + height + number * line_height(CAPTION_SIZE), line, fontsize=CAPTION_SIZE, ha="center")


def _enlarge_row(row: ThumbnailRow, side: int) -> ThumbnailRow:
    return ThumbnailRow(row.heading, [Thumbnail(enlarge(thumbnail.image, side), thumbnail.caption) for thumbnail in row.thumbnails])


def _place_rows(rows: Sequence[ThumbnailRow]) -> tuple[list[int], int]:
    """Return where each row begins, and where the last one ends."""
    tops = [_BORDER + line_height(_TITLE_SIZE) + 12]
    for row in rows:
        tallest = max(len(thumbnail.image) for thumbnail in row.thumbnails)
        lines = max(len(thumbnail.caption) for thumbnail in row.thumbnails)
        tops.append(tops[-1] + _heading_height(row) + tallest + lines * line_height(CAPTION_SIZE) + _GAP)
    return tops[:-1], tops[-1]


def _heading_height(row: ThumbnailRow) -> int:
    return line_height(HEADING_SIZE) + 4 if row.heading else 0


def _pitch(columns: int) -> int:
    """Return the distance from column to column."""
    return (_WIDTH - 2 * _BORDER) // columns
