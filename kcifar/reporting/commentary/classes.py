"""The classes with the best and worst scores, by each measure."""

import math
from collections.abc import Mapping, Sequence

from kcifar.reporting.commentary.wording import find_extremes, join_labels
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import label_classes
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import ClassResult


def describe_classes(evaluation: EvaluationResult) -> list[str]:
    """Name the classes with the highest and lowest recall, precision and F1, and those without them.

    A class without images has neither recall nor F1; a class that is never predicted has no precision.
    """
    labels, classes = label_classes(evaluation.class_names), evaluation.classes
    if len(classes) < 2:
        return ["There is only one class, so classes cannot be compared."]
    scores = [result.scores for result in classes]
    sentences = [
        *_describe_measure("Recall", [score.recall for score in scores], labels),
        *_describe_measure("Precision", [score.precision for score in scores], labels),
        *_describe_measure("F1", [score.f1 for score in scores], labels),
        *_describe_excess({k: _count_predictions(result) - result.support for k, result in enumerate(classes)}, labels),
    ]
    empty = [labels[k] for k, score in enumerate(scores) if math.isnan(score.recall)]
    unpredicted = [labels[k] for k, score in enumerate(scores) if math.isnan(score.precision)]
    sentences += [f"Without {evaluation.split} images and therefore without recall and F1: {join_labels(empty)}."] if empty else []
    return sentences + ([f"Never predicted and therefore without precision: {join_labels(unpredicted)}."] if unpredicted else [])


def _count_predictions(result: ClassResult) -> int:
    """Count the images that were predicted as the class."""
    return result.tp + result.fp


def _describe_measure(name: str, values: Sequence[float], labels: Sequence[str]) -> list[str]:
    scores = {k: value for k, value in enumerate(values) if not math.isnan(value)}
    if not scores:
        return []
    highest, lowest = find_extremes(scores, PERCENT.write)
    if len(scores) == 1:
        return [f"{name} is defined for only one class, {labels[highest[0]]} ({PERCENT.write(scores[highest[0]])})."]
    if len(highest) == len(scores):
        every = f"both {join_labels([labels[k] for k in scores])}" if len(scores) == 2 else f"each of {len(scores):,} classes"
        return [f"{name} is {PERCENT.write(scores[highest[0]])} for {every}."]
    top, bottom = (_write_common_value([labels[k] for k in keys], PERCENT.write(scores[keys[0]])) for keys in (highest, lowest))
    return [f"{name} is highest for {top} and lowest for {bottom}."]


def _describe_excess(excess: Mapping[int, int], labels: Sequence[str]) -> list[str]:
    """Name the classes whose predictions exceed their images most, and those whose predictions fall short most."""
    highest, lowest = find_extremes(excess, "{:+,}".format)
    if not excess[lowest[0]] < 0 < excess[highest[0]]:
        return []
    top, bottom = (_write_common_value([labels[k] for k in keys], f"{excess[keys[0]]:+,}") for keys in (highest, lowest))
    return [f"The network predicts too many images as {top} and too few as {bottom}; no class is further off."]


def _write_common_value(names: Sequence[str], value: str) -> str:
    """Return names with the value that they have in common: "cat and dog (70.00% each)"."""
    return f"{join_labels(names)} ({value}{' each' * (len(names) > 1)})"
