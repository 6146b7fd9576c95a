"""A chart of accuracy against minutes: one step line per run, in the style of its recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from kcifar.pictures.style import FIGURE_WIDTH
from kcifar.pictures.text import shorten_middle
from kcifar.reporting.analysis.time_to_accuracy import BestSoFar
from kcifar.reporting.charts.axes import make_log_ticks, write_short_number
from kcifar.reporting.charts.line_looks import LINE_LOOKS

_HEIGHT, _LEGEND_ROW = 3.3, 0.22  # inches
_COLUMNS = 2  # of the legend
_LOG_FROM = 20  # times the shortest run; a wider range has a logarithmic axis
_NAME_ROOM, _NAME_SIZE = 105.0, 9  # points


@dataclass(frozen=True)
class RecipeCurves:
    """The name of a recipe and the curves of its runs, at least one."""

    label: str
    curves: Sequence[BestSoFar]


def draw_time_to_accuracy(recipes: Sequence[RecipeCurves]) -> Figure:
    """Draw the curves of at most `MAX_LINES` recipes, with a legend at the bottom in the same order."""
    rows = -(-len(recipes) // _COLUMNS)
    figure = Figure(figsize=(FIGURE_WIDTH, _HEIGHT + _LEGEND_ROW * rows))
    panel = figure.subplots()
    for recipe, (color, dashes) in zip(recipes, LINE_LOOKS, strict=False):
        minutes, best = _join_curves(recipe.curves)
        runs = f" ({len(recipe.curves):,} runs)" if len(recipe.curves) > 1 else ""
        name = shorten_middle(recipe.label, _NAME_ROOM, _NAME_SIZE) + runs
        panel.plot(minutes, best, drawstyle="steps-post", color=color, linestyle=dashes, linewidth=1.5, label=name)
        panel.plot([curve.end for curve in recipe.curves], [curve.best[-1] for curve in recipe.curves], "o", color=color, markersize=4)
    _scale_axes(panel, [curve for recipe in recipes for curve in recipe.curves])
    figure.legend(loc="outside lower center", ncols=_COLUMNS, fontsize=_NAME_SIZE, frameon=False, handlelength=2.6, columnspacing=1.2)
    return figure


def _join_curves(curves: Sequence[BestSoFar]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of all curves as a single line, interrupted by NaN after each curve."""
    minutes = [part for curve in curves for part in (curve.minutes, [curve.end, np.nan])]
    best = [part for curve in curves for part in (curve.best, [curve.best[-1], np.nan])]
    return np.concatenate(minutes), np.concatenate(best)


def _scale_axes(panel: Axes, curves: Sequence[BestSoFar]) -> None:
    """Set scales, limits and ticks; the axis of minutes is logarithmic if the runs differ much in length."""
    panel.set(xlabel="minutes of training, including validation", ylabel="best validation accuracy so far")
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    ends, starts = [curve.end for curve in curves], [curve.minutes[0] for curve in curves]
    if min(starts) > 0 and max(ends) > _LOG_FROM * min(ends):
        panel.set_xscale("log")
        panel.set_xlim(min(starts) / 1.2, max(ends) * 1.2)
        panel.xaxis.set_major_locator(FixedLocator(make_log_ticks(*panel.get_xlim())))
        panel.xaxis.set_minor_locator(NullLocator())
    else:
        panel.set_xlim(left=0)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda minutes, _: write_short_number(minutes)))  # last: a change of scale resets it
