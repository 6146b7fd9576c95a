"""The reliability diagram: accuracy against confidence, the gap between them, and the images in each bin."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, VERMILION
from kcifar.pictures.text import fit_text
from kcifar.reporting.stats.calibration import ReliabilityBins
from kcifar.reporting.stats.intervals import compute_fraction_interval

_SIZE = (FIGURE_WIDTH, 5.1)  # inches
_TINT = 0.4  # of the bars, so that lines are seen on them on a light and a dark page
_ROOM = 300  # points, for the title


def draw_reliability(bins: ReliabilityBins, name: str, split: str) -> Figure:
    """Draw the accuracy of each bin as a bar with its 95% Wilson interval, the gap to its mean confidence (hatched), and its images below."""
    figure = Figure(figsize=_SIZE)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _draw_bars(above, bins)
    above.plot([0, 1], [0, 1], "--", color=BLACK, linewidth=1.2, label="calibrated")
    above.set(ylabel=f"accuracy on {split} images", xlim=(0, 1), ylim=(0, 1.01))
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2)
    below.stairs(bins.counts, bins.edges, fill=True, facecolor=BLUE, alpha=_TINT)
    below.set(xlabel="confidence", ylabel="images", ylim=(0, None))
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    below.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    for axis in (above.xaxis, above.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    above.set_title(fit_text(name, _ROOM, 10), fontsize=10, pad=30)
    return figure


def _draw_bars(panel: Axes, bins: ReliabilityBins) -> None:
    """Draw all bars as one outline, then the lines between them: drawing each bar takes twice as long."""
    filled = bins.counts > 0
    counts, accuracy = bins.counts[filled].tolist(), bins.accuracy[filled]
    intervals = np.array([compute_fraction_interval(fraction, count) for fraction, count in zip(accuracy.tolist(), counts, strict=True)])
    centers = (bins.edges[:-1] + bins.edges[1:])[filled] / 2
    panel.stairs(bins.accuracy, bins.edges, fill=True, facecolor=BLUE, alpha=_TINT, label="accuracy")
    panel.vlines(bins.edges[1:-1], 0, np.fmax(bins.accuracy[:-1], bins.accuracy[1:]), color=BLUE, linewidth=1)
    gap: dict[str, Any] = {"facecolor": "none", "edgecolor": VERMILION, "hatch": "////", "linewidth": 1.2, "label": "gap to confidence"}
    panel.stairs(bins.confidence, bins.edges, baseline=bins.accuracy, fill=True, **gap)
    panel.vlines(centers, *intervals.T, color=BLACK, linewidth=1)
