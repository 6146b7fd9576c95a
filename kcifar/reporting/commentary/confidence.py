"""How sure the network is, against how often it is right."""

from kcifar.reporting.commentary.wording import write_size
from kcifar.reporting.page.columns import PERCENT, read_alike
from kcifar.reporting.stats.calibration import overconfidence
from kcifar.reporting.stats.intervals import Z_95
from kcifar.runs.arrays import Predictions


def describe_confidence(predictions: Predictions) -> list[str]:
    """Compare the mean of the largest probabilities with the accuracy."""
    mean, accuracy = float(predictions.confidence.mean()), float(predictions.correct.mean())
    measured = f"The mean confidence over {predictions.quantity}, the largest probability of each, is {PERCENT.write(mean)}"
    if read_alike(mean, accuracy):
        return [f"{measured}, within 0.01 points of the accuracy."]
    compared = f"{measured}, {write_size(mean - accuracy)} {'above' if mean > accuracy else 'below'} the accuracy of {PERCENT.write(accuracy)}"
    claimed = describe_confidence_bias(*overconfidence(predictions.confidence, predictions.correct))
    if not claimed:
        return [f"{compared}, which is within what chance alone brings (95%)."]
    return [f"{compared}: on average the network is {claimed}."]


def describe_confidence_bias(difference: float, error: float) -> str:
    """Return "overconfident" or "underconfident", or nothing where chance alone brings such a difference (95%).

    Args:
        difference: Mean confidence minus accuracy.
        error: Its standard error, as `overconfidence` returns both.
    """
    if abs(difference) <= Z_95 * error:
        return ""
    return "overconfident" if difference > 0 else "underconfident"
