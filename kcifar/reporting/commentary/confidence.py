"""The confidence of the network, compared with its accuracy."""

from collections.abc import Mapping
from typing import Any

from kcifar.reporting.commentary.recipe_facts import find_softening
from kcifar.reporting.commentary.wording import write_size
from kcifar.reporting.page.columns import PERCENT, read_alike
from kcifar.reporting.page.names import join_words
from kcifar.reporting.stats.calibration import estimate_overconfidence
from kcifar.reporting.stats.intervals import Z_95
from kcifar.runs.arrays import Predictions

UNDERCONFIDENT = "underconfident"


def describe_confidence(predictions: Predictions, settings: Mapping[str, Any], stage: int) -> list[str]:
    """Compare the mean confidence with the accuracy; where it is lower, name what the recipe does to make it lower.

    Args:
        predictions: Of the network.
        settings: The resolved recipe.
        stage: The last stage, counted from 0.
    """
    mean, accuracy = float(predictions.confidence.mean()), float(predictions.correct.mean())
    measured = f"The mean confidence (largest predicted probability) over {predictions.quantity} is {PERCENT.write(mean)}"
    if read_alike(mean, accuracy):
        return [f"{measured}, within 0.01 points of the accuracy."]
    compared = f"{measured}, {write_size(mean - accuracy)} {'above' if mean > accuracy else 'below'} the accuracy of {PERCENT.write(accuracy)}"
    bias = describe_confidence_bias(*estimate_overconfidence(predictions.confidence, predictions.correct))
    if not bias:
        return [f"{compared}, a difference that chance alone can explain (95% interval)."]
    return [f"{compared}: on average, the network is {bias}.", *explain_underconfidence(bias, settings, stage)]


def explain_underconfidence(bias: str, settings: Mapping[str, Any], stage: int) -> list[str]:
    """Name the likely cause of confidences that are too low, if the recipe has one: targets that are themselves below 1."""
    softening = find_softening(settings, stage) if bias == UNDERCONFIDENT else []
    return [f"A likely cause is the recipe: {join_words(softening)} in its last stage trains towards probabilities below 1."] if softening else []


def describe_confidence_bias(difference: float, error: float) -> str:
    """Return "overconfident" or "underconfident", or "" where chance alone can explain the difference (95%).

    Args:
        difference: Mean confidence minus accuracy.
        error: Its standard error, as `estimate_overconfidence` returns both.
    """
    if abs(difference) <= Z_95 * error:
        return ""
    return "overconfident" if difference > 0 else UNDERCONFIDENT
