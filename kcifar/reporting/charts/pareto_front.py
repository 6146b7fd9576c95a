"""Charts of accuracy against a cost: one dot per run; the runs on the Pareto front are numbered and joined by a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from kcifar.pictures.style import BLACK, VERMILION
from kcifar.reporting.charts.axes import make_log_ticks, write_short_number
from kcifar.reporting.stats.pareto import ClearFront

_ROOM = np.array([3.85, 1.85])  # inches of a panel without its axes
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.9, 0.15, 0.3, 0.55  # inches around it, for axes and legend
_MARGIN = np.array([0.6, 0.25])  # inches within a panel, to fit the numbers of the outermost dots
_LETTER, _LINE, _GAP = 0.085, 0.15, 0.05  # inches: size of a number's characters, and distance from a dot to its number
_FIXED = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)  # all sizes are known, so no layout has to be computed
_LOG_FROM = 10  # times the smallest cost; a wider range has a logarithmic axis
_MANY = 100  # dots; more are drawn smaller
_MAX_NUMBERED = 40
_MAX_MERGED = 2  # numbers in one label


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


def draw_pareto_fronts(panels: Sequence[CostPanel], accuracies: np.ndarray, numbers: Sequence[int]) -> Figure:
    """Draw accuracy against each cost, one panel below the other.

    Args:
        panels: At least one.
        accuracies: float64 (runs,), in [0, 1].
        numbers: Labels of the runs, shown for those on a front if there is room.
    """
    width, step = _LEFT + _ROOM[0] + _RIGHT, _ROOM[1] + _BOTTOM
    height = _TOP + step * len(panels)
    figure = Figure(figsize=(width, height), layout=_FIXED)
    for place, panel in enumerate(panels):
        bottom = _BOTTOM + step * (len(panels) - 1 - place)
        axes = figure.add_axes((_LEFT / width, bottom / height, _ROOM[0] / width, _ROOM[1] / height))
        _draw_panel(axes, panel, accuracies, numbers)
    figure.axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderpad=0)
    return figure


def _draw_panel(axes: Axes, panel: CostPanel, accuracies: np.ndarray, numbers: Sequence[int]) -> None:
    others = ~(panel.front.on | panel.front.near | np.isnan(panel.costs))
    size = 4.5 if others.sum() <= _MANY else 2.5
    axes.plot(panel.costs[others], accuracies[others], "o", color="0.4", markerfacecolor="none", markersize=size, label="other runs")
    near = panel.front.near
    axes.plot(panel.costs[near], accuracies[near], "o", color="0.4", markersize=size, label="within error of the front")
    front = _find_front(panel, accuracies)
    line = axes.plot(panel.costs[front], accuracies[front], "D-", drawstyle="steps-post", color=BLACK, linewidth=1.3, label="Pareto front", zorder=3)
    line[0].set(markerfacecolor=VERMILION, markersize=5.5)
    low, high = _scale_axes(axes, panel, accuracies)
    points = np.stack([_transform(panel.costs[front], axes.get_xscale()), accuracies[front]], axis=1)
    for place, text in _place_labels((points - low) / (high - low) * _ROOM, [numbers[run] for run in front]):
        spot = (panel.costs[front[place]], accuracies[front[place]])
        axes.annotate(text, spot, (-72 * _GAP, 72 * _GAP), textcoords="offset points", ha="right", va="bottom", fontsize=9)


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


def _place_labels(places: np.ndarray, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the dots that get a label and its text, such that no label covers another; the most accurate first.

    A label is above its dot on the left, where a front has no other dot. Dots at the same place share a label.

    Args:
        places: float (dots, 2), inches from the lower left corner, ascending.
        numbers: Of each dot.
    """
    taken: list[np.ndarray] = []
    merged: dict[tuple[float, ...], list[int]] = {}
    for dot, place in enumerate(places):
        merged.setdefault(tuple(place), []).append(dot)
    for place, dots in reversed(merged.items()):
        run_numbers = sorted(numbers[dot] for dot in dots)
        text = ", ".join(map(str, run_numbers[:_MAX_MERGED])) + ("…" if len(run_numbers) > _MAX_MERGED else "")
        right, bottom = place[0] - _GAP, place[1] + _GAP
        box = np.array([right - _LETTER * len(text), bottom, right, bottom + _LINE])
        if len(taken) < _MAX_NUMBERED and not any((box[:2] < taken_box[2:]).all() and (taken_box[:2] < box[2:]).all() for taken_box in taken):
            taken.append(box)
            yield dots[0], text
