"""Whether confidence can be believed: reliability, calibration errors and scores, and the temperature that would mend it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kcifar.reporting.charts.reliability_diagram import draw_reliability
from kcifar.reporting.commentary.wording import are_alike
from kcifar.reporting.page.columns import COUNT, LOSS, POINTS, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.stats import calibration as formulas
from kcifar.reporting.stats.calibration import Reliability, reliability
from kcifar.reporting.stats.intervals import interval_of_share
from kcifar.reporting.stats.temperature import HIGHEST, LOWEST, at_temperature, fit_temperature
from kcifar.runs.arrays import VALIDATION, Predictions
from kcifar.runs.load import SavedRun

ORDER = 240
TITLE = "Calibration"
ESSENTIAL = True
NOTE = (
    "Confidence: the largest probability of an image. Expected calibration error: mean distance between confidence and accuracy in "
    f"{formulas.BINS} bins of equal width; by chance: about what it would be were every confidence right. Maximum calibration error: of the "
    "worst bin, which may hold few images. Brier score: sum over classes, from 0 to 2. Negative log-likelihood: mean, nats; "
)
BINS_NOTE = (
    "Bins hold their upper end. Gap: mean confidence minus accuracy in percentage points, above 0 where a bin is overconfident. "
    "Low and high: the ends of the 95% Wilson interval of the accuracy."
)
CAPTION = (
    "Bars: accuracy of the images in each bin of confidence, with its 95% Wilson interval; hatched: the gap to their mean confidence. "
    "Bars without a hatched gap are calibrated. Below: images in each bin."
)
COLUMNS = {
    "probabilities": TEXT,
    "temperature": LOSS,
    "accuracy": SHARE,
    "mean_confidence": SHARE,
    "expected_calibration_error": SHARE,
    "by_chance": SHARE,
    "maximum_calibration_error": SHARE,
    "brier_score": LOSS,
    "negative_log_likelihood": LOSS,
}
BIN_COLUMNS = {
    "bin": COUNT,
    "above": SHARE,
    "up_to": SHARE,
    "images": COUNT,
    "mean_confidence": SHARE,
    "accuracy": SHARE,
    "low": SHARE,
    "high": SHARE,
    "gap": POINTS,
}


def of_run(run: SavedRun) -> Content:
    """Return calibration of the run's predictions, as trained and after a temperature; nothing without predictions or with one class."""
    found, fitted_on = run.predictions, run.validation_predictions
    if found is None or found.probabilities.shape[1] < 2:
        return Content()
    temperature = fit_temperature(fitted_on.labels, fitted_on.probabilities) if fitted_on else None
    rows = [_row("as trained", 1.0, found, found.probabilities)]
    if temperature is not None and LOWEST < temperature < HIGHEST:
        rows.append(_row("after temperature", temperature, found, at_temperature(found.probabilities, temperature)))
    bins = reliability(found.confidence, found.correct)
    tables = [
        Table("calibration", f"Calibration, {found.quantity}", COLUMNS, frame(rows, COLUMNS, ("probabilities",)), NOTE + _zeros(found)),
        Table("reliability", f"Reliability, {found.quantity}", BIN_COLUMNS, frame(_bin_rows(bins), BIN_COLUMNS, ("bin",)), BINS_NOTE, formulas.BINS),
    ]
    drawing = Drawing("calibration", lambda: draw_reliability(bins, run.name, found.split), CAPTION, _text(found, bins, rows[0]))
    return Content([_confidence(found), _error(rows[0]), _temperature(found, fitted_on, temperature, rows)], tables, [drawing])


def _row(name: str, temperature: float, found: Predictions, probabilities: np.ndarray) -> dict[str, Any]:
    """Errors and scores of a part at these probabilities, which call the same classes."""
    confidence = probabilities.max(axis=1)
    bins = reliability(confidence, found.correct)
    return {
        "probabilities": name,
        "temperature": temperature,
        "accuracy": found.correct.mean(),
        "mean_confidence": confidence.mean(),
        "expected_calibration_error": formulas.expected_calibration_error(bins),
        "by_chance": formulas.chance_calibration_error(confidence),
        "maximum_calibration_error": formulas.maximum_calibration_error(bins),
        "brier_score": formulas.brier_score(found.labels, probabilities),
        "negative_log_likelihood": formulas.negative_log_likelihood(found.labels, probabilities),
    }


def _bin_rows(bins: Reliability) -> Iterator[dict[str, Any]]:
    for place, count in enumerate(bins.counts.tolist()):
        row: dict[str, Any] = {"bin": place + 1, "above": bins.edges[place], "up_to": bins.edges[place + 1], "images": count}
        if count:
            accuracy = float(bins.accuracy[place])
            low, high = interval_of_share(accuracy, count)
            row |= {"mean_confidence": bins.confidence[place], "accuracy": accuracy, "low": low, "high": high, "gap": bins.gaps[place]}
        yield row


def _zeros(found: Predictions) -> str:
    zeros = int((found.label_probability == 0).sum())
    counted = f", and in {zeros:,} image{'s' * (zeros != 1)} that of the label is" if zeros else ""
    return f"a probability of exactly 0 counts as 1.4e-45, the smallest float32 above it{counted}."


def _confidence(found: Predictions) -> str:
    """Over- or underconfident, by how much, and whether that is more than chance."""
    difference, error = formulas.overconfidence(found.confidence, found.correct)
    measured = (
        f"On {found.quantity} the mean confidence is {SHARE.write(found.confidence.mean())} and the accuracy {SHARE.write(found.correct.mean())}"
    )
    if are_alike(found.confidence.mean(), found.correct.mean()):
        return f"{measured}: the confidence is within 0.01 points of the accuracy."
    points = f"{abs(100 * difference):.2f} percentage points (standard error {100 * error:.2f})"
    claimed = formulas.verdict(difference, error)
    if not claimed:
        return f"{measured}: the difference of {points} is within its uncertainty, so that neither over- nor underconfidence is shown."
    return f"{measured}: {claimed} by {points}."


def _error(row: dict[str, Any]) -> str:
    return (
        f"The expected calibration error (ECE) is {SHARE.write(row['expected_calibration_error'])}; were every confidence right, "
        f"chance alone would make it about {SHARE.write(row['by_chance'])}."
    )


def _temperature(found: Predictions, fitted_on: Predictions | None, temperature: float | None, rows: list[dict[str, Any]]) -> str:
    """What a temperature would change, or why there is none."""
    if fitted_on is None or temperature is None:
        return (
            "No temperature is fitted, since the run holds no validation predictions; "
            "fitted on the images that it is judged on it would look better than it is."
        )
    likely = f"under which the labels of {fitted_on.quantity} are most likely is"
    if len(rows) == 1:
        reason = _reason(fitted_on) if temperature == LOWEST else "the probabilities tell little of the labels"
        bound = f"at the bound of the search ({temperature:g}), as happens where {reason}"
        return f"No temperature is applied: the one {likely} {bound}; that is no finding."
    if round(temperature, 4) == 1:
        return f"The temperature {likely} {temperature:.4f}: the probabilities stay as they are."
    softer = "above 1: softer" if temperature > 1 else "below 1: sharper"
    return f"The temperature {likely} {temperature:.4f}, {softer} than as trained. {_effect(found, rows)}{_caution(found, fitted_on)}"


def _reason(fitted_on: Predictions) -> str:
    """Why ever sharper probabilities are likelier."""
    return "all labels are called" if fitted_on.correct.all() else "no label is clearly less probable than the class called"


def _effect(found: Predictions, rows: list[dict[str, Any]]) -> str:
    errors, likelihoods = ([row[name] for row in rows] for name in ("expected_calibration_error", "negative_log_likelihood"))
    return (
        f"It takes the ECE on the {found.split} images from {SHARE.write(errors[0])} to {SHARE.write(errors[1])} and the mean "
        f"negative log-likelihood from {LOSS.write(likelihoods[0])} to {LOSS.write(likelihoods[1])}; which class is called does not change."
    )


def _caution(found: Predictions, fitted_on: Predictions) -> str:
    """What the temperature owes to the way it was found."""
    same = " It is fitted and judged on the same images, so that it looks better than it is." if found.split == VALIDATION else ""
    zeros = int((fitted_on.label_probability == 0).sum())
    have = f"{zeros:,} of those labels {'has' if zeros == 1 else 'have'}"
    return same + (f" The temperature depends on what a probability of exactly 0 counts as (1.4e-45), which {have}." if zeros else "")


def _text(found: Predictions, bins: Reliability, row: dict[str, Any]) -> str:
    worst = int(np.nanargmax(np.abs(bins.gaps)))
    count, ends = int(bins.counts[worst]), " to ".join(SHARE.write(edge) for edge in bins.edges[worst : worst + 2])
    return (
        f"Reliability diagram of {found.quantity}: mean confidence {SHARE.write(row['mean_confidence'])}, accuracy {SHARE.write(row['accuracy'])}, "
        f"expected calibration error {SHARE.write(row['expected_calibration_error'])}. The gap is largest in the bin from {ends}: "
        f"confidence {SHARE.write(bins.confidence[worst])}, accuracy {SHARE.write(bins.accuracy[worst])}, {count:,} image{'s' * (count != 1)}."
    )
