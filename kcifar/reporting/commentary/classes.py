"""Which classes are told best and worst, by each measure."""

import math
from collections.abc import Mapping, Sequence

from kcifar.reporting.commentary.wording import find_extremes, join_labels
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import label_classes
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import ClassResult


def describe_classes(evaluation: EvaluationResult) -> list[str]:
    """Say which classes have the highest and lowest recall, precision and F1, and which have none.

    A class without images has neither recall nor F1; one that was never called has no precision.
    """
    labels, classes = label_classes(evaluation.class_names), evaluation.classes
    if len(classes) < 2:
        return ["There is one class only, so no class can be told from another."]
    scores = [result.scores for result in classes]
    sentences = [
        *_describe_measure("Recall", [score.recall for score in scores], labels),
        *_describe_measure("Precision", [score.precision for score in scores], labels),
        *_describe_measure("F1", [score.f1 for score in scores], labels),
        *_describe_excess({k: _count_predictions(result) - result.support for k, result in enumerate(classes)}, labels),
    ]
    unseen = [labels[k] for k, score in enumerate(scores) if math.isnan(score.recall)]
    uncalled = [labels[k] for k, score in enumerate(scores) if math.isnan(score.precision)]
    sentences += [f"Without {evaluation.split} images, and so left out of recall and F1: {join_labels(unseen)}."] if unseen else []
    return sentences + ([f"Never called, and so without precision: {join_labels(uncalled)}."] if uncalled else [])


def _count_predictions(result: ClassResult) -> int:
    """Images that were called by the class's name."""
    return result.tp + result.fp


def _describe_measure(name: str, values: Sequence[float], labels: Sequence[str]) -> list[str]:
    shares = {k: value for k, value in enumerate(values) if not math.isnan(value)}
    if not shares:
        return []
    highest, lowest = find_extremes(shares, PERCENT.write)
    if len(shares) == 1:
        return [f"{name} is known of one class only, {labels[highest[0]]} ({PERCENT.write(shares[highest[0]])})."]
    if len(highest) == len(shares):
        every = f"both {join_labels([labels[k] for k in shares])}" if len(shares) == 2 else f"each of {len(shares):,} classes"
        return [f"{name} is {PERCENT.write(shares[highest[0]])} for {every}."]
    top, bottom = (_write_shared([labels[k] for k in keys], PERCENT.write(shares[keys[0]])) for keys in (highest, lowest))
    return [f"{name} is highest for {top} and lowest for {bottom}."]


def _describe_excess(calls: Mapping[int, int], labels: Sequence[str]) -> list[str]:
    """Say which classes are called most and least, against the number of their images."""
    highest, lowest = find_extremes(calls, "{:+,}".format)
    if not calls[lowest[0]] < 0 < calls[highest[0]]:
        return []
    top, bottom = (_write_shared([labels[k] for k in keys], f"{calls[keys[0]]:+,}") for keys in (highest, lowest))
    return [f"Too many images are called {top}, too few {bottom}; no class is further off."]


def _write_shared(names: Sequence[str], value: str) -> str:
    """Return names with the value that they share: "cat and dog (70.00% each)"."""
    return f"{join_labels(names)} ({value}{' each' * (len(names) > 1)})"
