"""A chart of validation accuracy by epoch: one line per recipe with the range of its runs, named at its end; one panel per data set."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.pictures.style import FIGURE_WIDTH
from kcifar.pictures.text import shorten_middle
from kcifar.reporting.analysis.mean_curves import MeanCurve
from kcifar.reporting.charts.line_looks import LINE_LOOKS

_LEFT, _RIGHT, _TOP, _BOTTOM, _HEIGHT = 0.72, 1.62, 0.3, 0.5, 3.2  # inches around a panel, and its height if it is the only one
_SHORT = 1.7  # inches, the height of one of several panels
_NAME, _NAME_ROOM, _NAME_GAP = 9, 94.0, 0.175  # points, points, inches from one name to the next
_MAX_MARKED = 3  # epochs; a line of fewer is hardly seen without markers
_Panel = tuple[str, Sequence[MeanCurve]]  # a data set, and the curves of its recipes


def draw_curves(panels: Sequence[_Panel]) -> Figure:
    """Draw the curves of each data set, at most `MAX_LINES` recipes, the best first."""
    room = _HEIGHT if len(panels) == 1 else _SHORT
    step = _TOP + room + _BOTTOM
    height = step * len(panels)
    figure = Figure(figsize=(FIGURE_WIDTH, height))
    figure.set_layout_engine("none")
    for place, (label, curves) in enumerate(panels):
        bottom = height - step * (place + 1) + _BOTTOM
        across = (FIGURE_WIDTH - _LEFT - _RIGHT) / FIGURE_WIDTH
        panel = figure.add_axes((_LEFT / FIGURE_WIDTH, bottom / height, across, room / height))
        _draw_panel(panel, curves)
        _name_lines(panel, curves, room)
        panel.set_title(shorten_middle(label, 250.0, 10), fontsize=10, loc="left")
    return figure


def _draw_panel(panel: Axes, curves: Sequence[MeanCurve]) -> None:
    for curve, (color, dashes) in zip(curves, LINE_LOOKS, strict=False):
        marker = "o" if len(curve.epochs) <= _MAX_MARKED else ""
        panel.plot(curve.epochs, curve.mean, color=color, linestyle=dashes, linewidth=1.7, marker=marker, markersize=4)
        if curve.runs > 1:
            panel.fill_between(curve.epochs, curve.lowest, curve.highest, color=color, alpha=0.22, linewidth=0)
    panel.set(xlabel="epoch", ylabel="validation accuracy")
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    panel.set_xlim(min(1, panel.get_xlim()[0]), max(curve.epochs[-1] for curve in curves))


def _name_lines(panel: Axes, curves: Sequence[MeanCurve], room: float) -> None:
    """Write the name of each line at the right edge, next to its end, joined to it by a thin line in its look."""
    ends = panel.transAxes.inverted().transform(panel.transData.transform([(curve.epochs[-1], curve.mean[-1]) for curve in curves]))
    for curve, (color, dashes), end, place in zip(curves, LINE_LOOKS, ends, spread(ends[:, 1], _NAME_GAP / room), strict=False):
        panel.plot([end[0], 1.03], [end[1], place], transform=panel.transAxes, color="0.6", linewidth=0.6, clip_on=False)
        panel.plot([1.03, 1.095], [place, place], transform=panel.transAxes, color=color, linestyle=dashes, linewidth=1.7, clip_on=False)
        name = shorten_middle(curve.label, _NAME_ROOM - (16 if curve.runs > 1 else 0), _NAME) + (f" ×{curve.runs}" if curve.runs > 1 else "")
        panel.text(1.11, place, name, transform=panel.transAxes, va="center_baseline", fontsize=_NAME)


def spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return places for names next to the heights of their lines, in the same order from above, at least `gap` apart and near each height.

    Places stay within [0, 1] if there is room; equal heights keep their order.

    Example:
        >>> spread(np.array([0.5, 0.9, 0.5]), 0.25).tolist()
        [0.625, 0.9, 0.375]
    """
    order = np.argsort(-heights, kind="stable")
    steps = gap * np.arange(len(heights))
    # With the gaps taken out, the nearest places in descending order are those of an isotonic regression.
    places = _descend(heights[order] + steps) - steps
    low = gap * (len(heights) - 1) - steps  # the lowest place that leaves room for the names below
    places = np.maximum(np.minimum(places, np.maximum(1 - steps, low)), low)
    return np.asarray(places[np.argsort(order, kind="stable")])


def _descend(values: np.ndarray) -> np.ndarray:
    """Return the descending values nearest to the given ones, by pooling adjacent violators."""
    blocks: list[list[float]] = []
    for value in values.tolist():
        blocks.append([value])
        while len(blocks) > 1 and np.mean(blocks[-2]) < np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return np.array([float(np.mean(block)) for block in blocks for _ in block])
