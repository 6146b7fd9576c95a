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
    "Images whose label is among the k most probable classes; of classes with the same probability the first in the order of the labels "
    "counts as the more probable, as it does where a class is called. Low and high: the ends of the 95% Wilson interval. "
    "By guessing: what k classes drawn at random would reach."
)
COLUMNS = {"k": COUNT, "images": COUNT, "top_k_accuracy": PERCENT, "low": PERCENT, "high": PERCENT, "by_guessing": PERCENT}

_LARGEST = 5  # k


def of_run(run: LoadedRun) -> SectionContent:
    """Return a row for each k, up to 5, that leaves a class out, and how often a mistake has its label second.

    Nothing without predictions or with one class.
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
    """How many mistakes have their label as the second most probable class; of two classes all have."""
    mistakes, second = int((ranks > 1).sum()), int((ranks == 2).sum())
    if mistakes == 0:
        return [f"Of {predictions.quantity} none is called wrong."]
    if predictions.probabilities.shape[1] == 2:
        return []
    wrong = f"{mistakes:,} {'is' if mistakes == 1 else 'are'} called wrong"
    return [f"Of {predictions.quantity} {wrong}; in {second:,} of these ({PERCENT.write(second / mistakes)}) the label comes second."]


def _describe_ties(predictions: Predictions) -> str:
    """How many images the rule about equal probabilities decides on."""
    tied = int(((predictions.probabilities == predictions.label_probability[:, None]).sum(axis=1) > 1).sum())
    return f" In {tied:,} image{'s' * (tied != 1)} another class is exactly as probable as the label." if tied else ""
