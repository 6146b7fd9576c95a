"""Accuracy against coverage: how accurate a run is if only confident predictions are accepted."""

import math
from collections.abc import Iterator
from typing import Any

from kcifar.reporting.charts.coverage import PERCENTS, draw_coverage
from kcifar.reporting.page.columns import COUNT, LOSS, PERCENT, ColumnKind, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.intervals import wilson_interval
from kcifar.reporting.stats.ranking import CoverageCurve, area_under_risk_coverage, make_coverage_curve
from kcifar.runs.arrays import Predictions
from kcifar.runs.load import LoadedRun

ORDER = 250
TITLE = "Coverage"
NOTE = (
    "Accuracy on the most confident images. Confidence at least: the strictest threshold that reaches the target coverage, truncated to six digits; "
    "images with equal confidence are accepted together, so the coverage may be larger. Low and high: the bounds of the 95% Wilson interval."
)
_CAPTION = (
    "Accuracy on the most confident images, from the most confident 1% to all, with its 95% Wilson interval shaded (clipped where it is wide). "
    "Dotted: the best possible order of the same images, with all correct ones first. Dashed: a random order."
)


def write_threshold(value: float) -> str:
    """Write a confidence threshold with six digits, never rounded up: that would accept fewer images."""
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


def of_run(run: LoadedRun) -> SectionContent:
    """Return table and figure of the predictions; nothing without predictions or with a single class."""
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
    for percent in PERCENTS:
        place = accepted.find_place(percent)
        low, high = wilson_interval(int(accepted.correct[place]), int(accepted.images[place]))
        row = {"wanted_coverage": percent / 100, "confidence_at_least": accepted.thresholds[place], "coverage": accepted.coverage[place]}
        yield row | {"images": accepted.images[place], "accuracy": accepted.accuracy[place], "low": low, "high": high}


def _describe_accuracy(accepted: CoverageCurve, predictions: Predictions) -> str:
    place, overall = accepted.find_place(PERCENTS[0]), PERCENT.write(accepted.accuracy[-1])
    if len(accepted.images) == 1:
        return f"The confidence is the same for all of {predictions.quantity}, so no threshold separates them; the accuracy is {overall}."
    selected = f"the most confident {PERCENT.write(accepted.coverage[place])} ({accepted.images[place]:,}) of {predictions.quantity}"
    return f"The accuracy is {PERCENT.write(accepted.accuracy[place])} on {selected} and {overall} on all of them."


def _describe_area(accepted: CoverageCurve) -> str:
    area, errors = area_under_risk_coverage(accepted), 1 - accepted.accuracy[-1]
    return (
        f"The area under the risk-coverage curve (AURC), the mean fraction of errors over all coverages, is {LOSS.write(area)}; "
        f"uninformative confidences would give about {LOSS.write(errors)}."
    )
