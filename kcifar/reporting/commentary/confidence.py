"""How sure the network is, against how often it is right."""

from kcifar.reporting.arrays import Predictions
from kcifar.reporting.columns import SHARE
from kcifar.reporting.commentary.noise import BY_CHANCE, confidence_error
from kcifar.reporting.commentary.words import are_alike, counted, size


def describe_confidence(predictions: Predictions, accuracy: float) -> list[str]:
    """Compare the mean of the largest probabilities with the accuracy.

    Args:
        predictions: Of the images that `accuracy` is about.
        accuracy: In [0, 1].
    """
    confidence = predictions.confidence
    mean, count = float(confidence.mean()), len(confidence)
    excess = mean - accuracy
    images = counted(count, f"{predictions.split} image")
    measured = f"The mean confidence over {images}, the largest probability of each, is {SHARE.write(mean)}"
    if are_alike(mean, accuracy):
        return [f"{measured}, within 0.01 points of the accuracy."]
    compared = f"{measured}, {size(excess)} {'above' if excess > 0 else 'below'} the accuracy of {SHARE.write(accuracy)}"
    if abs(excess) <= BY_CHANCE * confidence_error(confidence):
        return [f"{compared}, which is within what chance alone brings (95%)."]
    return [f"{compared}: on average the network is {'overconfident' if excess > 0 else 'underconfident'}."]
