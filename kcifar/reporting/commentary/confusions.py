"""The pairs of classes that are confused, and how often, as far as the errors tell them apart."""

import math
from collections.abc import Sequence

import numpy as np

from kcifar.reporting.commentary.wording import MAX_NAMED, count_noun
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import join_words, label_classes
from kcifar.reporting.stats.confusion import rank_unordered_pairs
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, mcnemar_exact
from kcifar.runs.evaluation_result import EvaluationResult

_Pair = tuple[int, int, int]  # two classes, and their errors in both directions


def describe_confusions(evaluation: EvaluationResult) -> list[str]:
    """Name the pairs that are clearly confused more often than all others, with both directions."""
    if evaluation.matrix is None or len(evaluation.classes) < 2:
        return []
    labels = label_classes(evaluation.class_names)
    errors = evaluation.matrix - np.diag(np.diag(evaluation.matrix))
    total = int(errors.sum())
    if not total:
        return [f"No {evaluation.split} image was misclassified."]
    images = count_noun(evaluation.samples, f"{evaluation.split} image")
    pairs = _describe_pairs(errors, rank_unordered_pairs(errors), evaluation.matrix.sum(axis=1), labels)
    return [f"{total:,} of {images} {'was' if total == 1 else 'were'} misclassified.", *pairs]


def count_clear_leaders(images: Sequence[int], candidates: int) -> int:
    """Return how many of the most frequent pairs, at most `MAX_NAMED`, are clearly more frequent than every other pair.

    If two pairs are confused equally often, the errors of the first are binomial with probability 1/2 among those of both. The pairs were
    chosen by their errors, so the p-value is multiplied by the number of candidates.

    Args:
        images: Errors of the confused pairs, in descending order.
        candidates: Number of all pairs of classes.
    """
    following = [*images[1 : MAX_NAMED + 1], 0]
    steps = zip(images[:MAX_NAMED], following, strict=False)
    clear = [place for place, (own, after) in enumerate(steps, start=1) if candidates * mcnemar_exact(own, after) < SIGNIFICANCE_LEVEL]
    return max(clear, default=0)


def _describe_pairs(errors: np.ndarray, pairs: Sequence[_Pair], support: np.ndarray, labels: Sequence[str]) -> list[str]:
    words = [_describe_pair(pair, errors, support, labels) for pair in pairs[:MAX_NAMED]]
    if len(pairs) == 1:
        return [f"Only one pair is confused: {words[0]}."]
    if len(pairs) <= MAX_NAMED:
        return [f"The confused pairs: {'; '.join(words)}. No other pair is confused."]
    leaders = count_clear_leaders([images for *_, images in pairs], math.comb(len(labels), 2))
    if not leaders:
        return [f"Errors are spread over {len(pairs):,} pairs of classes, none of them clearly more frequent than the others."]
    fraction = sum(images for *_, images in pairs[:leaders]) / int(errors.sum())
    named = f"The most frequently confused {'pair' if leaders == 1 else 'pairs'}: {'; '.join(words[:leaders])}."
    return [named, f"{'It accounts' if leaders == 1 else 'Together they account'} for {PERCENT.write(fraction)} of all errors."]


def _describe_pair(pair: _Pair, errors: np.ndarray, support: np.ndarray, labels: Sequence[str]) -> str:
    """Return both directions of a pair, each with its fraction of the true class."""
    first, second, images = pair
    directions = [
        f"{labels[true]} predicted as {labels[predicted]}: {errors[true, predicted]:,}, {PERCENT.write(errors[true, predicted] / support[true])}"
        for true, predicted in ((first, second), (second, first))
        if errors[true, predicted]
    ]
    return f"{labels[first]} and {labels[second]}, {_write_times(images)} ({join_words(directions, '; ')})"


def _write_times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")
