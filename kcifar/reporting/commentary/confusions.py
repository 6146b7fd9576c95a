"""Which pairs of classes are confused, and how often."""

from collections.abc import Sequence

import numpy as np

from kcifar.reporting.commentary.wording import MAX_NAMED, class_labels, counted, extremes, listed
from kcifar.reporting.page.columns import SHARE
from kcifar.runs.evaluation_result import Outcome


def describe_confusions(outcome: Outcome) -> list[str]:
    """Say which pairs are confused most often, in both directions, and what share of a class another one takes at most."""
    if outcome.matrix is None or len(outcome.classes) < 2:
        return []
    labels = class_labels(outcome.class_names)
    mistakes = outcome.matrix - np.diag(np.diag(outcome.matrix))
    total = int(mistakes.sum())
    if not total:
        return [f"No {outcome.split} image was called by another class's name."]
    pairs = confused_both_ways(mistakes)
    return [
        f"{total:,} of {counted(outcome.samples, f'{outcome.split} image')} {'was' if total == 1 else 'were'} called by another class's name.",
        *_most_confused(mistakes, pairs, labels),
        _largest_share(outcome.matrix, mistakes, labels),
    ]


def confused_both_ways(mistakes: np.ndarray) -> list[tuple[int, int, int]]:
    """Return each pair of classes that are confused, with the mistakes of both directions together; most mistakes first, ties by label.

    Args:
        mistakes: int64 (classes, classes), images by true and called class, with an empty diagonal.
    Returns:
        Triples (first, second, images), first < second.
    """
    both = np.triu(mistakes + mistakes.T)
    first, second = np.nonzero(both)
    images = both[first, second]
    order = np.lexsort((second, first, -images))
    return [(int(first[k]), int(second[k]), int(images[k])) for k in order]


def _most_confused(mistakes: np.ndarray, pairs: Sequence[tuple[int, int, int]], labels: Sequence[str]) -> list[str]:
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
    sentences = [f"The pairs confused most often: {'; '.join(words)}.", f"Together they are {SHARE.write(among)} of all mistakes."]
    tied = sum(images == shown[-1][2] for *_, images in pairs[len(shown) :])
    if tied:
        sentences.append(f"As often as the last of them: {counted(tied, 'more pair')}.")
    return sentences


def _largest_share(matrix: np.ndarray, mistakes: np.ndarray, labels: Sequence[str]) -> str:
    """Say which class loses the largest share of its images to a single other one."""
    shares = mistakes / np.maximum(matrix.sum(axis=1), 1)[:, None]
    near = np.flatnonzero(shares >= shares.max() - 1e-3)  # what is written alike lies nearer than this
    values = {int(place): float(shares.flat[place]) for place in near}
    highest, _ = extremes(values, SHARE.write)
    names = [f"{labels[place // len(labels)]} called {labels[place % len(labels)]}" for place in highest]
    return f"The largest share of a class's images called by one other name is {SHARE.write(values[highest[0]])} ({listed(names)})."
