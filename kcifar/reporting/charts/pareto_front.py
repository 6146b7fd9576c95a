"""Charts of accuracy against a cost: one dot per run, with its name; the runs on the Pareto front are joined by a line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from kcifar.pictures.style import BLACK, VERMILION
from kcifar.reporting.charts.axes import make_log_ticks, write_short_number
from kcifar.reporting.charts.point_labels import GAP, SIZE, place_labels
from kcifar.reporting.stats.pareto import ClearFront

_ROOM = np.array([3.85, 1.85])  # inches of a panel without its axes
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.9, 0.15, 0.3, 0.55  # inches around it, for axes and legend
_MARGIN = np.array([0.6, 0.25])  # inches within a panel, to fit the names of the outermost dots
_FIXED = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)  # all sizes are known, so no layout has to be computed
_LOG_FROM = 10  # times the smallest cost; a wider range has a logarithmic axis
_MANY = 100  # dots; more are drawn smaller
_MANY_NAMED = 20  # dots; of more, only those on the front are named


@dataclass(frozen=True)
class CostPanel:
    """One cost of the runs.

    Attributes:
        axis: Label of the axis.
        costs: float64 (runs,), >= 0; NaN if unknown; known for at least one run.
        front: The runs on the front and near it; neither if the cost is unknown.
    """

    axis: str
    costs: np.ndarray
    front: ClearFront


def draw_pareto_fronts(panels: Sequence[CostPanel], accuracies: np.ndarray, names: Sequence[str], numbers: Sequence[int]) -> Figure:
    """Draw accuracy against each cost, one panel below the other.

    Args:
        panels: At least one.
        accuracies: float64 (runs,), in [0, 1].
        names: Of the runs, shown next to their dots where there is room: of many runs, for those on a front alone.
        numbers: Of the runs, shown for those on a front whose names have no room.
    """
    width, step = _LEFT + _ROOM[0] + _RIGHT, _ROOM[1] + _BOTTOM
    height = _TOP + step * len(panels)
    figure = Figure(figsize=(width, height), layout=_FIXED)
    for place, panel in enumerate(panels):
        bottom = _BOTTOM + step * (len(panels) - 1 - place)
        axes = figure.add_axes((_LEFT / width, bottom / height, _ROOM[0] / width, _ROOM[1] / height))
        _draw_panel(axes, panel, accuracies, names, numbers)
    figure.axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderpad=0)
    return figure


def _draw_panel(axes: Axes, panel: CostPanel, accuracies: np.ndarray, names: Sequence[str], numbers: Sequence[int]) -> None:
    others = ~(panel.front.on | panel.front.near | np.isnan(panel.costs))
    size = 4.5 if others.sum() <= _MANY else 2.5
    axes.plot(panel.costs[others], accuracies[others], "o", color="0.4", markerfacecolor="none", markersize=size, label="other runs")
    near = panel.front.near
    axes.plot(panel.costs[near], accuracies[near], "o", color="0.4", markersize=size, label="within error of the front")
    front = _find_front(panel, accuracies)
    line = axes.plot(panel.costs[front], accuracies[front], "D-", drawstyle="steps-post", color=BLACK, linewidth=1.3, label="Pareto front", zorder=3)
    line[0].set(markerfacecolor=VERMILION, markersize=5.5)
    low, high = _scale_axes(axes, panel, accuracies)
    shown = [*sorted(front, key=lambda run: -accuracies[run]), *_rank_named(panel, accuracies, front)]
    texts = [[names[run], str(numbers[run])] if run in front else [names[run]] for run in shown]
    dots = (np.stack([_transform(panel.costs[shown], axes.get_xscale()), accuracies[shown]], axis=1) - low) / (high - low) * _ROOM
    for label in place_labels(dots, texts, _ROOM):
        run, offset = shown[label.dot], (72 * GAP * (1 if label.right else -1), 72 * GAP * (1 if label.above else -1))
        text = axes.annotate(label.text, (panel.costs[run], accuracies[run]), offset, textcoords="offset points", fontsize=SIZE)
        text.set(ha="left" if label.right else "right", va="bottom" if label.above else "top")


def _rank_named(panel: CostPanel, accuracies: np.ndarray, front: Sequence[int]) -> list[int]:
    """Return the runs that are not on the front, the most accurate first; none if there are too many to name."""
    known = np.flatnonzero(~np.isnan(panel.costs))
    others = [int(run) for run in known[np.argsort(-accuracies[known], kind="stable")] if run not in front]
    return others if len(known) <= _MANY_NAMED else []


def _find_front(panel: CostPanel, accuracies: np.ndarray) -> list[int]:
    """Return the indices of the runs on the front, cheapest first."""
    front = np.flatnonzero(panel.front.on)
    return [int(run) for run in front[np.lexsort((accuracies[front], panel.costs[front]))]]


def _transform(costs: np.ndarray, scale: str) -> np.ndarray:
    return np.log10(costs) if scale == "log" else costs


def _scale_axes(axes: Axes, panel: CostPanel, accuracies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Set scales, limits and ticks; return the limits as (cost, accuracy) pairs, with the logarithm of the cost on a logarithmic axis."""
    known = ~np.isnan(panel.costs)
    smallest, largest = panel.costs[known].min(), panel.costs[known].max()
    scale = "log" if 0 < _LOG_FROM * smallest < largest else "linear"
    points = np.stack([_transform(panel.costs[known], scale), accuracies[known]], axis=1)
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    single = np.where(span > 0, 0.0, np.where(low > 0, low, 1.0) * 0.1)  # a single value is in the middle of some range
    low, span = low - single / 2, span + single
    unit = span / (_ROOM - 2 * _MARGIN)  # of an inch
    low, high = low - unit * _MARGIN, low + span + unit * _MARGIN
    axes.set(xlabel=panel.axis, ylabel="test accuracy", xscale=scale, ylim=(low[1], high[1]))
    axes.set_xlim(*(10 ** np.array([low[0], high[0]]) if scale == "log" else (low[0], high[0])))
    axes.xaxis.set_major_locator(FixedLocator(make_log_ticks(*axes.get_xlim())) if scale == "log" else MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: write_short_number(cost)))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    return low, high
