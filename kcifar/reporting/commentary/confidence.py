"""The confidence of the network, compared with its accuracy."""

from kcifar.reporting.commentary.wording import write_size
from kcifar.reporting.page.columns import PERCENT, read_alike
from kcifar.reporting.stats.calibration import estimate_overconfidence
from kcifar.reporting.stats.intervals import Z_95
from kcifar.runs.arrays import Predictions


def describe_confidence(predictions: Predictions) -> list[str]:
    """Compare the mean confidence with the accuracy."""
    mean, accuracy = float(predictions.confidence.mean()), float(predictions.correct.mean())
    measured = f"The mean confidence (largest predicted probability) over {predictions.quantity} is {PERCENT.write(mean)}"
    if read_alike(mean, accuracy):
        return [f"{measured}, within 0.01 points of the accuracy."]
    compared = f"{measured}, {write_size(mean - accuracy)} {'above' if mean > accuracy else 'below'} the accuracy of {PERCENT.write(accuracy)}"
    bias = describe_confidence_bias(*estimate_overconfidence(predictions.confidence, predictions.correct))
    if not bias:
        return [f"{compared}, a difference that chance alone can explain (95% interval)."]
    return [f"{compared}: on average, the network is {bias}."]


def describe_confidence_bias(difference: float, error: float) -> str:
    """Return "overconfident" or "underconfident", or "" where chance alone can explain the difference (95%).

    Args:
        difference: Mean confidence minus accuracy.
        error: Its standard error, as `estimate_overconfidence` returns both.
    """
    if abs(difference) <= Z_95 * error:
        return ""
    return "overconfident" if difference > 0 else "underconfident"
