"""How often the label is among the few most probable classes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kcifar.reporting.page.columns import COUNT, PERCENT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.stats.intervals import wilson_interval
from kcifar.reporting.stats.ranking import rank_labels
from kcifar.runs.arrays import Predictions
from kcifar.runs.load import LoadedRun

ORDER = 230
TITLE = "Top-k"
NOTE = (
    "Images whose label is among the k most probable classes; among equal probabilities, the first class in the order of the labels counts "
    "as the most probable, as it does for the predicted class. Low and high: the bounds of the 95% Wilson interval. "
    "By guessing: the accuracy of k classes drawn at random."
)
COLUMNS = {"k": COUNT, "images": COUNT, "top_k_accuracy": PERCENT, "low": PERCENT, "high": PERCENT, "by_guessing": PERCENT}

_LARGEST = 5  # k


def of_run(run: LoadedRun) -> SectionContent:
    """Return one row for each k, up to 5, below the number of classes, and how often the label of an error is second.

    Nothing without predictions or with a single class.
    """
    predictions = run.predictions
    if predictions is None or predictions.probabilities.shape[1] < 2:
        return SectionContent()
    ranks = rank_labels(predictions.labels, predictions.probabilities)
    rows = make_frame(_make_rows(ranks, predictions.probabilities.shape[1]), COLUMNS, ("k",))
    table = Table("top_k", f"Top-k accuracy, {predictions.quantity}", COLUMNS, rows, NOTE + _describe_ties(predictions))
    return SectionContent(_describe_second(predictions, ranks), [table])


def _make_rows(ranks: np.ndarray, classes: int) -> Iterator[dict[str, Any]]:
    for k in range(1, min(_LARGEST, classes - 1) + 1):
        images = int((ranks <= k).sum())
        low, high = wilson_interval(images, len(ranks))
        yield {"k": k, "images": images, "top_k_accuracy": images / len(ranks), "low": low, "high": high, "by_guessing": k / classes}


def _describe_second(predictions: Predictions, ranks: np.ndarray) -> list[str]:
    """Say how many errors have their label as the second most probable class; with two classes, all have."""
    errors, second = int((ranks > 1).sum()), int((ranks == 2).sum())
    if errors == 0:
        return [f"None of {predictions.quantity} is misclassified."]
    if predictions.probabilities.shape[1] == 2:
        return []
    wrong = f"{errors:,} {'is' if errors == 1 else 'are'} misclassified"
    return [f"Of {predictions.quantity}, {wrong}; for {second:,} of these ({PERCENT.write(second / errors)}), the label is second most probable."]


def _describe_ties(predictions: Predictions) -> str:
    """Say for how many images the rule for equal probabilities matters."""
    tied = int(((predictions.probabilities == predictions.label_probability[:, None]).sum(axis=1) > 1).sum())
    return f" For {tied:,} image{'s' * (tied != 1)}, another class is exactly as probable as the label." if tied else ""
