"""Accuracy against coverage: how often a run is right where it answers only when it is sure."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from kcifar.pictures.style import BLACK, BLUE, GREEN, VERMILION
from kcifar.pictures.text import fit_text
from kcifar.reporting.page.columns import COUNT, LOSS, PERCENT, ColumnKind, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.intervals import wilson_interval
from kcifar.reporting.stats.ranking import CoverageCurve, area_under_risk_coverage, make_coverage_curve
from kcifar.runs.arrays import Predictions
from kcifar.runs.load import LoadedRun

ORDER = 250
TITLE = "Coverage"
NOTE = (
    "Accuracy on the most confident images. Confidence at least: the strictest threshold that accepts the wanted share, cut off after six digits; "
    "images that share it are accepted together, so that the coverage may be larger. Low and high: the ends of the 95% Wilson interval."
)
_CAPTION = (
    "Accuracy on the most confident images, from the most confident 1% to all, with its 95% Wilson interval shaded (cut where it is wide). "
    "Dotted: the most that an order of the same images could reach, all right ones first. Dashed: what an order that knows nothing would keep."
)


def write_threshold(value: float) -> str:
    """Write a threshold of confidence with six digits, never rounded up: it would accept fewer images."""
    return f"{math.floor(value * 1e6) / 1e6:.6f}"


COLUMNS = {
    "wanted_coverage": PERCENT,
    "confidence_at_least": ColumnKind("float64", write_threshold),
    "coverage": PERCENT,
    "images": COUNT,
    "accuracy": PERCENT,
    "low": PERCENT,
    "high": PERCENT,
}

_PERCENTS = (50, 80, 90, 95, 99, 100)  # of the images
_NAMED = (50, 80, 100)  # those with room for their value in the figure
_STEADY = 0.1  # coverage from which the axis holds the whole interval; with fewer images it is wide and would flatten the rest
_MAX_POINTS = 300  # of a curve; more cannot be told apart
_BEHIND = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
_SIZE = (5.6, 4.4)  # inches; small, so that its text is large on a phone
_ROOM = 340  # points, of the title


def of_run(run: LoadedRun) -> SectionContent:
    """Return table and figure of the run's predictions; nothing without them or with one class."""
    predictions = run.predictions
    if predictions is None or predictions.probabilities.shape[1] < 2:
        return SectionContent()
    accepted = make_coverage_curve(predictions.confidence, predictions.correct)
    title = f"Accuracy against coverage, {predictions.quantity}"
    table = Table("coverage", title, COLUMNS, make_frame(_make_rows(accepted), COLUMNS, ("wanted_coverage",)), NOTE)
    drawing = FigureSpec(
        "coverage", lambda: draw_coverage(accepted, run.name, predictions.split), _CAPTION, f"Line chart. {_describe_accuracy(accepted, predictions)}"
    )
    return SectionContent(
        [f"{_describe_accuracy(accepted, predictions)} {_describe_area(accepted)}"], [table], [drawing] if len(accepted.images) > 1 else []
    )


def _make_rows(accepted: CoverageCurve) -> Iterator[dict[str, Any]]:
    for percent in _PERCENTS:
        place = accepted.find_place(percent)
        low, high = wilson_interval(int(accepted.correct[place]), int(accepted.images[place]))
        row = {"wanted_coverage": percent / 100, "confidence_at_least": accepted.thresholds[place], "coverage": accepted.coverage[place]}
        yield row | {"images": accepted.images[place], "accuracy": accepted.accuracy[place], "low": low, "high": high}


def _describe_accuracy(accepted: CoverageCurve, predictions: Predictions) -> str:
    place, whole = accepted.find_place(_PERCENTS[0]), PERCENT.write(accepted.accuracy[-1])
    if len(accepted.images) == 1:
        return f"The confidence is the same for all of {predictions.quantity}, so that no threshold parts them; the accuracy is {whole}."
    accepted_share = f"the most confident {PERCENT.write(accepted.coverage[place])} ({accepted.images[place]:,})"
    return f"Of {predictions.quantity} {accepted_share} are called with an accuracy of {PERCENT.write(accepted.accuracy[place])}, all with {whole}."


def _describe_area(accepted: CoverageCurve) -> str:
    area, mistakes = area_under_risk_coverage(accepted), 1 - accepted.accuracy[-1]
    return (
        f"The area under the risk-coverage curve (AURC), the mean share of mistakes over all coverages, is {LOSS.write(area)}; "
        f"confidences that tell nothing would give about {LOSS.write(mistakes)}."
    )


def draw_coverage(accepted: CoverageCurve, name: str, split: str) -> Figure:
    """Draw the accuracy of the accepted images against their share, and what the best and a random order would give."""
    figure = Figure(figsize=_SIZE)
    panel = figure.subplots()
    places = _choose_places(accepted)
    coverage, accuracy, whole = accepted.coverage[places], accepted.accuracy[places], float(accepted.accuracy[-1])
    bounds = np.array([wilson_interval(int(accepted.correct[place]), int(accepted.images[place])) for place in places])
    shares = np.union1d(coverage, max(whole, coverage[0]))  # the best order bends where all right ones are accepted
    panel.plot(shares, np.minimum(1, whole / shares), ":", color=GREEN, linewidth=1.6, label="best possible")
    panel.fill_between(coverage, *bounds.T, color=BLUE, alpha=0.18, linewidth=0)
    panel.plot(coverage, accuracy, color=BLUE, linewidth=1.6, label="by confidence")
    panel.axhline(whole, linestyle="--", color=BLACK, linewidth=1, label="random order")
    _mark_coverages(panel, accepted)
    lowest = min(accuracy.min(), bounds[coverage >= _STEADY].min())
    panel.set(xlabel="coverage: share of the images accepted", ylabel=f"accuracy on accepted {split} images")
    panel.set(xlim=(0, 1), ylim=(lowest - 0.1 * (1 - lowest), 1 + 0.02 * (1 - lowest)))  # room for a number beneath, no tick above 1
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 6):g}%"))
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2)
    panel.set_title(fit_text(name, _ROOM, 10), fontsize=10, pad=30)
    return figure


def _mark_coverages(panel: Axes, accepted: CoverageCurve) -> None:
    """Mark the coverages of the table; write the accuracy beside those that have room for it."""
    marked = sorted({accepted.find_place(percent) for percent in _PERCENTS})
    panel.plot(
        accepted.coverage[marked], accepted.accuracy[marked], "o", color=VERMILION, markeredgecolor=BLACK, markersize=5, clip_on=False, zorder=4
    )
    for place in sorted({accepted.find_place(percent) for percent in _NAMED}):
        at = (accepted.coverage[place], accepted.accuracy[place])
        panel.annotate(PERCENT.write(at[1]), at, (0, -8), textcoords="offset points", ha="right", va="top", fontsize=9, bbox=_BEHIND)


def _choose_places(accepted: CoverageCurve) -> np.ndarray:
    """Thresholds that the curve runs through: as far apart as can be told, and none below the first percent."""
    first, last = accepted.find_place(1), int(accepted.images[-1])
    image_counts = np.linspace(accepted.images[first], last, _MAX_POINTS)
    return np.unique(np.searchsorted(accepted.images, np.floor(image_counts)))
