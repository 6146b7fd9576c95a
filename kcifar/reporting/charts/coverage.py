"""A chart of accuracy against coverage: the fraction of images accepted by confidence."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, GREEN, VERMILION
from kcifar.pictures.text import fit_text
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.stats.intervals import wilson_interval
from kcifar.reporting.stats.ranking import CoverageCurve

PERCENTS = (50, 80, 90, 95, 99, 100)  # of the images; coverages that are marked
_NAMED = (50, 80, 100)  # those with their value in the figure
_STEADY = 0.1  # coverage above which the axis includes the complete interval; with fewer images it is wide and would flatten the rest
_MAX_POINTS = 300  # per curve; more cannot be distinguished
_BEHIND = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
_SIZE = (FIGURE_WIDTH, 4.2)  # inches
_ROOM = 300  # points, for the title


def draw_coverage(accepted: CoverageCurve, name: str, split: str) -> Figure:
    """Draw the accuracy of the accepted images against their fraction, and the curves of the best and of a random order."""
    figure = Figure(figsize=_SIZE)
    panel = figure.subplots()
    places = _choose_places(accepted)
    coverage, accuracy, overall = accepted.coverage[places], accepted.accuracy[places], float(accepted.accuracy[-1])
    bounds = np.array([wilson_interval(int(accepted.correct[place]), int(accepted.images[place])) for place in places])
    fractions = np.union1d(coverage, max(overall, coverage[0]))  # the best order bends where all correct images are accepted
    panel.plot(fractions, np.minimum(1, overall / fractions), ":", color=GREEN, linewidth=1.6, label="best possible")
    panel.fill_between(coverage, *bounds.T, color=BLUE, alpha=0.18, linewidth=0)
    panel.plot(coverage, accuracy, color=BLUE, linewidth=1.6, label="by confidence")
    panel.axhline(overall, linestyle="--", color=BLACK, linewidth=1, label="random order")
    _mark_coverages(panel, accepted)
    lowest = min(accuracy.min(), bounds[coverage >= _STEADY].min())
    panel.set(xlabel="coverage: fraction of images accepted", ylabel=f"accuracy on accepted {split} images")
    panel.set(xlim=(0, 1), ylim=(lowest - 0.1 * (1 - lowest), 1 + 0.02 * (1 - lowest)))  # room for a number below, no tick above 1
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{round(100 * fraction, 6):g}%"))
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2)
    panel.set_title(fit_text(name, _ROOM, 10), fontsize=10, pad=30)
    return figure


def _mark_coverages(panel: Axes, accepted: CoverageCurve) -> None:
    """Mark the coverages of the table, some with their accuracy."""
    marked = sorted({accepted.find_place(percent) for percent in PERCENTS})
    panel.plot(
        accepted.coverage[marked], accepted.accuracy[marked], "o", color=VERMILION, markeredgecolor=BLACK, markersize=5, clip_on=False, zorder=4
    )
    for place in sorted({accepted.find_place(percent) for percent in _NAMED}):
        point = (accepted.coverage[place], accepted.accuracy[place])
        panel.annotate(PERCENT.write(point[1]), point, (0, -8), textcoords="offset points", ha="right", va="top", fontsize=9, bbox=_BEHIND)


def _choose_places(accepted: CoverageCurve) -> np.ndarray:
    """Return the indices of the thresholds that are drawn: as many as can be distinguished, and none below a coverage of 1%."""
    first, last = accepted.find_place(1), int(accepted.images[-1])
    image_counts = np.linspace(accepted.images[first], last, _MAX_POINTS)
    return np.unique(np.searchsorted(accepted.images, np.floor(image_counts)))
