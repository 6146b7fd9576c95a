"""The pairs of classes that are confused, and how often."""

from collections.abc import Sequence

import numpy as np

from kcifar.reporting.commentary.wording import MAX_NAMED, count_noun, find_extremes, join_labels
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import label_classes
from kcifar.reporting.stats.confusion import rank_unordered_pairs
from kcifar.runs.evaluation_result import EvaluationResult


def describe_confusions(evaluation: EvaluationResult) -> list[str]:
    """Name the pairs that are confused most often, with both directions, and the largest fraction of a class predicted as another class."""
    if evaluation.matrix is None or len(evaluation.classes) < 2:
        return []
    labels = label_classes(evaluation.class_names)
    errors = evaluation.matrix - np.diag(np.diag(evaluation.matrix))
    total = int(errors.sum())
    if not total:
        return [f"No {evaluation.split} image was misclassified."]
    pairs = rank_unordered_pairs(errors)
    images = count_noun(evaluation.samples, f"{evaluation.split} image")
    return [
        f"{total:,} of {images} {'was' if total == 1 else 'were'} misclassified.",
        *_describe_pairs(errors, pairs, labels),
        _describe_largest_fraction(evaluation.matrix, errors, labels),
    ]


def _describe_pairs(errors: np.ndarray, pairs: Sequence[tuple[int, int, int]], labels: Sequence[str]) -> list[str]:
    shown = pairs[:MAX_NAMED]
    words = [
        f"{labels[a]} and {labels[b]}, {_write_times(images)} "
        f"({labels[a]} predicted as {labels[b]}: {errors[a, b]:,}, {labels[b]} as {labels[a]}: {errors[b, a]:,})"
        for a, b, images in shown
    ]
    if len(pairs) == 1:
        return [f"Only one pair is confused: {words[0]}."]
    if len(pairs) == len(shown):
        return [f"The confused pairs: {'; '.join(words)}. No other pair is confused."]
    fraction = sum(images for *_, images in shown) / int(errors.sum())
    sentences = [f"The most frequently confused pairs: {'; '.join(words)}.", f"Together they account for {PERCENT.write(fraction)} of all errors."]
    tied = sum(images == shown[-1][2] for *_, images in pairs[len(shown) :])
    if tied:
        sentences.append(f"{count_noun(tied, 'more pair')} {'is' if tied == 1 else 'are'} confused as often as the last of these.")
    return sentences


def _write_times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _describe_largest_fraction(matrix: np.ndarray, errors: np.ndarray, labels: Sequence[str]) -> str:
    """Name the class with the largest fraction of its images predicted as a single other class."""
    fractions = errors / np.maximum(matrix.sum(axis=1), 1)[:, None]
    near = np.flatnonzero(fractions >= fractions.max() - 1e-3)  # values that are written alike differ by less
    values = {int(cell): float(fractions.flat[cell]) for cell in near}
    highest, _ = find_extremes(values, PERCENT.write)
    names = [f"{labels[cell // len(labels)]} predicted as {labels[cell % len(labels)]}" for cell in highest]
    return f"The largest fraction of a class predicted as a single other class is {PERCENT.write(values[highest[0]])} ({join_labels(names)})."
