"""How sure the network is, against how often it is right."""

from kcifar.reporting.commentary.wording import are_alike, size
from kcifar.reporting.page.columns import SHARE
from kcifar.reporting.stats.calibration import overconfidence, verdict
from kcifar.runs.arrays import Predictions


def describe_confidence(predictions: Predictions) -> list[str]:
    """Compare the mean of the largest probabilities with the accuracy."""
    mean, accuracy = float(predictions.confidence.mean()), float(predictions.correct.mean())
    measured = f"The mean confidence over {predictions.quantity}, the largest probability of each, is {SHARE.write(mean)}"
    if are_alike(mean, accuracy):
        return [f"{measured}, within 0.01 points of the accuracy."]
    compared = f"{measured}, {size(mean - accuracy)} {'above' if mean > accuracy else 'below'} the accuracy of {SHARE.write(accuracy)}"
    claimed = verdict(*overconfidence(predictions.confidence, predictions.correct))
    if not claimed:
        return [f"{compared}, which is within what chance alone brings (95%)."]
    return [f"{compared}: on average the network is {claimed}."]
