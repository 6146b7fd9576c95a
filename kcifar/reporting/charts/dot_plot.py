"""A chart of rows: a name on the left, dots along a common axis, what they say in figures on the right; blocks where data sets differ."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.core.errors import one_line
from kcifar.pictures.text_fit import width_of

_WIDTH = 6.4  # inches; on a phone of 390 px the letters are still about 8 px high
_ROW = 0.26  # inches
_FRAME = 0.8  # inches for the axis and its label
_SIZE = 9  # of names and readings, points
_NAME_ROOM, _HEADING_ROOM = 165.0, 190.0  # points
_MAX_LETTERS = 100  # of a name or heading; nothing longer is measured


@dataclass(frozen=True)
class RowGroup:
    """Rows that may be compared with one another: a heading, and name and reading of each row."""

    heading: str
    names: Sequence[str]
    readings: Sequence[str]


def draw_dot_plot(blocks: Sequence[RowGroup], axis: str) -> tuple[Figure, Axes, list[list[float]]]:
    """Return a figure of named rows, its panel, and the heights of the rows of each block; the caller puts the dots in.

    The first row is at the top. Headings are written where there are several blocks.
    """
    headed = len(blocks) > 1
    lines = sum(len(block.names) + headed for block in blocks)
    figure = Figure(figsize=(_WIDTH, _FRAME + _ROW * max(lines, 2)))
    panel = figure.subplots()
    heights, place = [], 0
    for block in blocks:
        if headed:
            _write(panel, 0.012, -place, shortened(block.heading, _HEADING_ROOM), fontstyle="italic", color="0.25")
            place += 1
        heights.append([float(-place - row) for row in range(len(block.names))])
        place += len(block.names)
    _name_rows(panel, blocks, [height for block in heights for height in block])
    panel.set(xlabel=axis, ylim=(0.35 - max(lines, 2), 0.65))
    panel.xaxis.set_major_formatter(PercentFormatter(1.0))
    panel.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    panel.margins(x=0.04)
    return figure, panel, heights


def _name_rows(panel: Axes, blocks: Sequence[RowGroup], heights: Sequence[float]) -> None:
    panel.set_yticks(heights, [shortened(name) for block in blocks for name in block.names], fontsize=_SIZE)
    panel.tick_params(axis="y", length=0)
    for height, reading in zip(heights, (reading for block in blocks for reading in block.readings), strict=True):
        _write(panel, 1.02, height, reading)


def _write(panel: Axes, across: float, height: float, text: str, **style: Any) -> None:
    """Write in a row; `across` is a share of the panel's width."""
    panel.text(across, height, text, transform=panel.get_yaxis_transform(), va="center_baseline", fontsize=_SIZE, **style)


def shortened(name: str, room: float = _NAME_ROOM) -> str:
    """Return a name that is no wider than the room, in points; what is too long loses its middle, for runs often differ in their last letters."""
    flat = one_line(name, 10_000)
    if len(flat) <= _MAX_LETTERS and width_of(flat, _SIZE) <= room:
        return flat
    kept = bisect_right(range(min(len(flat), _MAX_LETTERS)), room, key=lambda letters: width_of(_without_middle(flat, letters), _SIZE))
    return _without_middle(flat, max(kept - 1, 0))


def _without_middle(text: str, letters: int) -> str:
    """Return the text with so many letters of it, half of them from either end; at most all but one."""
    tail = letters // 2
    return f"{text[: letters - tail]}…{text[len(text) - tail :]}"
