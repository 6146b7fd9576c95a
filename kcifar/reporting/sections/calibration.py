"""Whether confidence can be trusted: reliability, calibration errors and scores, and the temperature that would correct it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kcifar.reporting.charts.reliability_diagram import draw_reliability
from kcifar.reporting.commentary.confidence import describe_confidence_bias, explain_underconfidence
from kcifar.reporting.page.columns import COUNT, LOSS, PERCENT, POINTS, TEXT, make_frame, read_alike
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats import calibration as formulas
from kcifar.reporting.stats.calibration import ReliabilityBins, bin_by_confidence
from kcifar.reporting.stats.intervals import CONFIDENCE, compute_fraction_interval, wilson_interval
from kcifar.reporting.stats.temperature import MAX_TEMPERATURE, MIN_TEMPERATURE, apply_temperature, fit_temperature
from kcifar.runs.arrays import VALIDATION_SPLIT, Predictions
from kcifar.runs.load import LoadedRun

ORDER = 240
TITLE = "Calibration"
ESSENTIAL = True
NOTE = (
    "Confidence: the largest probability of an image. Expected calibration error: mean distance between confidence and accuracy over "
    f"{formulas.BINS} bins of equal width; by chance: its approximate value if every confidence were correct. Maximum calibration error: that of "
    "the worst bin, which may contain few images. Brier score: sum over classes, from 0 to 2. Negative log-likelihood: mean, in nats; "
)
BINS_NOTE = (
    "Bins include their upper bound. Gap: mean confidence minus accuracy in percentage points, above 0 if a bin is overconfident. "
    "Low and high: the bounds of the 95% Wilson interval of the accuracy."
)
_CAPTION = (
    "Bars: accuracy of the images in each confidence bin, with its 95% Wilson interval; hatched: the gap to their mean confidence. "
    "Bars without a hatched gap are calibrated. Bottom: number of images in each bin."
)
COLUMNS = {
    "probabilities": TEXT,
    "temperature": LOSS,
    "accuracy": PERCENT,
    "mean_confidence": PERCENT,
    "expected_calibration_error": PERCENT,
    "by_chance": PERCENT,
    "maximum_calibration_error": PERCENT,
    "brier_score": LOSS,
    "negative_log_likelihood": LOSS,
}
BIN_COLUMNS = {
    "bin": COUNT,
    "above": PERCENT,
    "up_to": PERCENT,
    "images": COUNT,
    "mean_confidence": PERCENT,
    "accuracy": PERCENT,
    "low": PERCENT,
    "high": PERCENT,
    "gap": POINTS,
}


def of_run(run: LoadedRun) -> SectionContent:
    """Return the calibration of the predictions, as trained and after temperature scaling; nothing without predictions or with a single class."""
    predictions, fitted_on = run.predictions, run.validation_predictions
    if predictions is None or predictions.probabilities.shape[1] < 2:
        return SectionContent()
    temperature = fit_temperature(fitted_on.labels, fitted_on.probabilities) if fitted_on else None
    rows = [_make_row("as trained", 1.0, predictions, predictions.probabilities)]
    if temperature is not None and MIN_TEMPERATURE < temperature < MAX_TEMPERATURE:
        rows.append(_make_row("after temperature", temperature, predictions, apply_temperature(predictions.probabilities, temperature)))
    bins = bin_by_confidence(predictions.confidence, predictions.correct)
    tables = [
        Table(
            "calibration",
            f"Calibration, {predictions.quantity}",
            COLUMNS,
            make_frame(rows, COLUMNS, ("probabilities",)),
            NOTE + _describe_zeros(predictions),
        ),
        Table(
            "reliability",
            f"Reliability, {predictions.quantity}",
            BIN_COLUMNS,
            make_frame(_make_bin_rows(bins), BIN_COLUMNS, ("bin",)),
            BINS_NOTE,
            formulas.BINS,
        ),
    ]
    drawing = FigureSpec(
        "calibration", lambda: draw_reliability(bins, run.name, predictions.split), _CAPTION, _describe_figure(predictions, bins, rows[0])
    )
    return SectionContent(
        [_describe_confidence(run, predictions), _describe_error(rows[0]), _describe_temperature(predictions, fitted_on, temperature, rows)],
        tables,
        [drawing],
    )


def _make_row(name: str, temperature: float, predictions: Predictions, probabilities: np.ndarray) -> dict[str, Any]:
    """Return errors and scores of a split for these probabilities, which give the same predicted classes."""
    confidence = probabilities.max(axis=1)
    bins = bin_by_confidence(confidence, predictions.correct)
    return {
        "probabilities": name,
        "temperature": temperature,
        "accuracy": predictions.correct.mean(),
        "mean_confidence": confidence.mean(),
        "expected_calibration_error": formulas.expected_calibration_error(bins),
        "by_chance": formulas.chance_calibration_error(confidence),
        "maximum_calibration_error": formulas.maximum_calibration_error(bins),
        "brier_score": formulas.brier_score(predictions.labels, probabilities),
        "negative_log_likelihood": formulas.negative_log_likelihood(predictions.labels, probabilities),
    }


def _make_bin_rows(bins: ReliabilityBins) -> Iterator[dict[str, Any]]:
    for place, count in enumerate(bins.counts.tolist()):
        row: dict[str, Any] = {"bin": place + 1, "above": bins.edges[place], "up_to": bins.edges[place + 1], "images": count}
        if count:
            accuracy = float(bins.accuracy[place])
            low, high = compute_fraction_interval(accuracy, count)
            row |= {"mean_confidence": bins.confidence[place], "accuracy": accuracy, "low": low, "high": high, "gap": bins.gaps[place]}
        yield row


def _describe_zeros(predictions: Predictions) -> str:
    zeros = int((predictions.label_probability == 0).sum())
    counted = f"; this is the probability of the label in {zeros:,} image{'s' * (zeros != 1)}" if zeros else ""
    return f"a probability of exactly 0 counts as 1.4e-45, the smallest positive float32{counted}."


def _describe_confidence(run: LoadedRun, predictions: Predictions) -> str:
    """Say whether the network is over- or underconfident, by how much, and whether that exceeds chance."""
    difference, error = formulas.estimate_overconfidence(predictions.confidence, predictions.correct)
    confidence, accuracy = predictions.confidence.mean(), predictions.correct.mean()
    measured = f"On {predictions.quantity} the mean confidence is {PERCENT.write(confidence)} and the accuracy is {PERCENT.write(accuracy)}"
    if read_alike(confidence, accuracy):
        return f"{measured}: the confidence is within 0.01 points of the accuracy."
    points = f"{abs(100 * difference):.2f} percentage points (standard error {100 * error:.2f})"
    claimed = describe_confidence_bias(difference, error)
    if not claimed:
        return f"{measured}: the difference of {points} is within its uncertainty, so neither over- nor underconfidence is shown."
    cause = explain_underconfidence(claimed, run.settings, int(run.history["stage_index"].iloc[-1]))
    return " ".join([f"{measured}: the network is {claimed} by {points}.", *cause])


def _describe_error(row: dict[str, Any]) -> str:
    return (
        f"The expected calibration error (ECE) is {PERCENT.write(row['expected_calibration_error'])}; if every confidence were "
        f"correct, chance alone would make it about {PERCENT.write(row['by_chance'])}."
    )


def _describe_temperature(predictions: Predictions, fitted_on: Predictions | None, temperature: float | None, rows: list[dict[str, Any]]) -> str:
    """Say what a temperature would change, or why none is applied."""
    if fitted_on is None or temperature is None:
        return (
            "No temperature is fitted because the run has no validation predictions; "
            "if it were fitted and judged on the same images, it would look better than it is."
        )
    best = f"temperature that makes the labels of {fitted_on.quantity} most likely is"
    if len(rows) == 1:
        reason = _explain_bound(fitted_on) if temperature == MIN_TEMPERATURE else "the probabilities say little about the labels"
        bound = f"at the bound of the search ({temperature:g}), as happens if {reason}"
        return f"No temperature is applied: the {best} {bound}; this is not a result."
    if round(temperature, 4) == 1:
        return f"The {best} {temperature:.4f}: the probabilities stay unchanged."
    softer = "above 1: softer" if temperature > 1 else "below 1: sharper"
    effect = _describe_effect(predictions, rows) + _describe_caution(predictions, fitted_on)
    return f"The {best} {temperature:.4f}, {softer} probabilities than as trained. {effect}"


def _explain_bound(fitted_on: Predictions) -> str:
    """Explain why sharper probabilities always make the labels more likely."""
    return "all predictions are correct" if fitted_on.correct.all() else "no label is clearly less probable than the predicted class"


def _describe_effect(predictions: Predictions, rows: list[dict[str, Any]]) -> str:
    errors, likelihoods = ([row[name] for row in rows] for name in ("expected_calibration_error", "negative_log_likelihood"))
    return (
        f"It changes the ECE on the {predictions.split} images from {PERCENT.write(errors[0])} to {PERCENT.write(errors[1])} and the mean "
        f"negative log-likelihood from {LOSS.write(likelihoods[0])} to {LOSS.write(likelihoods[1])}; the predicted classes do not change."
    )


def _describe_caution(predictions: Predictions, fitted_on: Predictions) -> str:
    """Warn about effects of how the temperature was fitted."""
    same = " It is fitted and judged on the same images, so it looks better than it is." if predictions.split == VALIDATION_SPLIT else ""
    zeros = int((fitted_on.label_probability == 0).sum())
    labels = f"{zeros:,} of those labels {'has' if zeros == 1 else 'have'}"
    return same + (f" The temperature depends on the value used for a probability of exactly 0 (1.4e-45), which {labels}." if zeros else "")


def _describe_figure(predictions: Predictions, bins: ReliabilityBins, row: dict[str, Any]) -> str:
    return (
        f"Reliability diagram of {predictions.quantity}: mean confidence {PERCENT.write(row['mean_confidence'])}, "
        f"accuracy {PERCENT.write(row['accuracy'])}, expected calibration error "
        f"{PERCENT.write(row['expected_calibration_error'])}. {_describe_worst_bin(bins)}"
    )


def _describe_worst_bin(bins: ReliabilityBins) -> str:
    """Name the bin with the largest gap among those whose gap exceeds chance; the gap of a bin of few images may be anything."""
    clear = np.where(find_clear_gaps(bins), np.abs(bins.gaps), np.nan)
    if np.isnan(clear).all():
        return "No bin has a gap that exceeds chance."
    worst = int(np.nanargmax(clear))
    count, ends = int(bins.counts[worst]), " to ".join(PERCENT.write(edge) for edge in bins.edges[worst : worst + 2])
    return (
        f"Of the gaps that exceed chance, the largest is in the bin from {ends}: confidence {PERCENT.write(bins.confidence[worst])}, "
        f"accuracy {PERCENT.write(bins.accuracy[worst])}, {count:,} image{'s' * (count != 1)}."
    )


def find_clear_gaps(bins: ReliabilityBins) -> np.ndarray:
    """Return which bins have a mean confidence outside the Wilson interval of their accuracy; bool (bins,).

    The confidence of the intervals is 1 - 0.05 / (bins with images), so that all of them hold at once with at least 95%.
    """
    clear = np.zeros(len(bins.counts), bool)
    filled = np.flatnonzero(bins.counts)
    for place in filled:
        count = int(bins.counts[place])
        low, high = wilson_interval(round(bins.accuracy[place] * count), count, 1 - (1 - CONFIDENCE) / len(filled))
        clear[place] = not low <= bins.confidence[place] <= high
    return clear
