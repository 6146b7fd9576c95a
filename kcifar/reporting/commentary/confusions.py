"""Which pairs of classes are confused, and how often."""

from collections.abc import Sequence

import numpy as np

from kcifar.reporting.commentary.wording import MAX_NAMED, count_noun, find_extremes, join_labels
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import label_classes
from kcifar.reporting.stats.confusion import rank_unordered_pairs
from kcifar.runs.evaluation_result import EvaluationResult


def describe_confusions(evaluation: EvaluationResult) -> list[str]:
    """Say which pairs are confused most often, in both directions, and what share of a class another one takes at most."""
    if evaluation.matrix is None or len(evaluation.classes) < 2:
        return []
    labels = label_classes(evaluation.class_names)
    mistakes = evaluation.matrix - np.diag(np.diag(evaluation.matrix))
    total = int(mistakes.sum())
    if not total:
        return [f"No {evaluation.split} image was called by another class's name."]
    pairs = rank_unordered_pairs(mistakes)
    images = count_noun(evaluation.samples, f"{evaluation.split} image")
    return [
        f"{total:,} of {images} {'was' if total == 1 else 'were'} called by another class's name.",
        *_describe_pairs(mistakes, pairs, labels),
        _describe_largest_fraction(evaluation.matrix, mistakes, labels),
    ]


def _describe_pairs(mistakes: np.ndarray, pairs: Sequence[tuple[int, int, int]], labels: Sequence[str]) -> list[str]:
    shown = pairs[:MAX_NAMED]
    words = [
        f"{labels[a]} and {labels[b]}, {'once' if images == 1 else f'{images:,} times'} "
        f"({labels[a]} called {labels[b]}: {mistakes[a, b]:,}, {labels[b]} called {labels[a]}: {mistakes[b, a]:,})"
        for a, b, images in shown
    ]
    if len(pairs) == 1:
        return [f"Only one pair is confused: {words[0]}."]
    if len(pairs) == len(shown):
        return [f"The pairs confused: {'; '.join(words)}. No other pair is."]
    among = sum(images for *_, images in shown) / int(mistakes.sum())
    sentences = [f"The pairs confused most often: {'; '.join(words)}.", f"Together they are {PERCENT.write(among)} of all mistakes."]
    tied = sum(images == shown[-1][2] for *_, images in pairs[len(shown) :])
    if tied:
        sentences.append(f"As often as the last of them: {count_noun(tied, 'more pair')}.")
    return sentences


def _describe_largest_fraction(matrix: np.ndarray, mistakes: np.ndarray, labels: Sequence[str]) -> str:
    """Say which class loses the largest share of its images to a single other one."""
    shares = mistakes / np.maximum(matrix.sum(axis=1), 1)[:, None]
    near = np.flatnonzero(shares >= shares.max() - 1e-3)  # what is written alike lies nearer than this
    values = {int(place): float(shares.flat[place]) for place in near}
    highest, _ = find_extremes(values, PERCENT.write)
    names = [f"{labels[place // len(labels)]} called {labels[place % len(labels)]}" for place in highest]
    return f"The largest share of a class's images called by one other name is {PERCENT.write(values[highest[0]])} ({join_labels(names)})."
