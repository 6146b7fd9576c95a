"""A chart of rows: a name on the left, dots along a common axis, their values as text on the right; one block per data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.pictures.style import FIGURE_WIDTH
from kcifar.pictures.text import shorten_middle

_ROW = 0.26  # inches
_FRAME = 0.8  # inches for the axis and its label
_SIZE = 9  # of names and values, points
_NAME_ROOM, _HEADING_ROOM = 118.0, 150.0  # points


@dataclass(frozen=True)
class RowGroup:
    """Rows that may be compared with each other: a heading, and the name and value of each row."""

    heading: str
    names: Sequence[str]
    readings: Sequence[str]


def draw_dot_plot(blocks: Sequence[RowGroup], axis: str) -> tuple[Figure, Axes, list[list[float]]]:
    """Return a figure of named rows, its panel, and the heights of the rows of each block; the caller draws the dots.

    The first row is at the top. Headings are shown if there are several blocks.
    """
    headed = len(blocks) > 1
    lines = sum(len(block.names) + headed for block in blocks)
    figure = Figure(figsize=(FIGURE_WIDTH, _FRAME + _ROW * max(lines, 2)))
    panel = figure.subplots()
    heights, place = [], 0
    for block in blocks:
        if headed:
            _write(panel, 0.012, -place, shorten_middle(block.heading, _HEADING_ROOM, _SIZE), fontstyle="italic", color="0.25")
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
    panel.set_yticks(heights, [shorten_middle(name, _NAME_ROOM, _SIZE) for block in blocks for name in block.names], fontsize=_SIZE)
    panel.tick_params(axis="y", length=0)
    for height, reading in zip(heights, (reading for block in blocks for reading in block.readings), strict=True):
        _write(panel, 1.02, height, reading)


def _write(panel: Axes, across: float, height: float, text: str, **style: Any) -> None:
    """Write text in a row; `across` is a fraction of the panel's width."""
    panel.text(across, height, text, transform=panel.get_yaxis_transform(), va="center_baseline", fontsize=_SIZE, **style)
