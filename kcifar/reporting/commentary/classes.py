"""The classes with the best and worst scores, by each measure, as far as the images tell them apart."""

import math
from collections.abc import Mapping, Sequence

from kcifar.reporting.analysis.claims import find_clear_extremes
from kcifar.reporting.commentary.wording import find_extremes, join_labels
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.names import label_classes
from kcifar.reporting.stats.proportions import Proportion
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm, mcnemar_exact
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import ClassResult


def describe_classes(evaluation: EvaluationResult) -> list[str]:
    """Name the classes with the highest and lowest recall, precision and F1 if they clearly differ, and the classes without these scores.

    A class without images has no recall and no F1, and its precision could only be 0: it is ranked in nothing. A class that is never
    predicted has no precision. F1 is 2J / (1 + J) with J = tp / (tp + fp + fn): classes are compared by J, which is a proportion of images.
    """
    labels, classes = label_classes(evaluation.class_names), evaluation.classes
    if len(classes) < 2:
        return ["There is only one class, so classes cannot be compared."]
    ranked = {label: result for label, result in enumerate(classes) if result.support}
    scores = {label: result.scores for label, result in ranked.items()}
    sentences = [
        *_describe_measure("Recall", {k: score.recall for k, score in scores.items()}, _count(ranked, "tp", "fn"), labels),
        *_describe_measure("Precision", {k: score.precision for k, score in scores.items()}, _count(ranked, "tp", "fp"), labels),
        *_describe_measure("F1", {k: score.f1 for k, score in scores.items()}, _count(ranked, "tp", "fp", "fn"), labels),
        *_describe_excess(classes, labels),
    ]
    empty = [label for label, result in zip(labels, classes, strict=True) if not result.support]
    unpredicted = [label for label, result in zip(labels, classes, strict=True) if not result.tp + result.fp]
    sentences += [f"Without {evaluation.split} images and therefore without recall and F1: {join_labels(empty)}."] if empty else []
    return sentences + ([f"Never predicted and therefore without precision: {join_labels(unpredicted)}."] if unpredicted else [])


def _count(classes: Mapping[int, ClassResult], *counts: str) -> dict[int, Proportion]:
    """Return the first count of each class as a proportion of the sum of all of them."""
    return {label: Proportion(getattr(result, counts[0]), sum(getattr(result, name) for name in counts)) for label, result in classes.items()}


def _describe_measure(name: str, values: Mapping[int, float], counts: Mapping[int, Proportion], labels: Sequence[str]) -> list[str]:
    scores = {label: value for label, value in values.items() if not math.isnan(value)}
    if not scores:
        return []
    highest, lowest = find_extremes(scores, PERCENT.write)
    if len(scores) == 1:
        return [f"{name} is defined for only one class, {labels[highest[0]]} ({PERCENT.write(scores[highest[0]])})."]
    if len(highest) == len(scores):
        every = f"both {join_labels([labels[k] for k in scores])}" if len(scores) == 2 else f"each of {len(scores):,} classes"
        return [f"{name} is {PERCENT.write(scores[highest[0]])} for {every}."]
    extremes = find_clear_extremes({label: counts[label] for label in scores})
    if not extremes.claim.holds:
        ends = f"{PERCENT.write(scores[lowest[0]])} to {PERCENT.write(scores[highest[0]])}"
        return [f"{name} is {ends}; no two classes differ by more than chance."]
    top, bottom = (_write_common_value([labels[k] for k in keys], PERCENT.write(scores[keys[0]])) for keys in (highest, lowest))
    near_top = _describe_near([labels[k] for k in extremes.near_highest if k not in highest], "lower")
    near_bottom = _describe_near([labels[k] for k in extremes.near_lowest if k not in lowest], "higher")
    return [f"{name} is highest for {top}{near_top}{',' * bool(near_top)} and lowest for {bottom}{near_bottom}."]


def _describe_near(names: Sequence[str], direction: str) -> str:
    """Return the classes that cannot be told apart from an extreme: ", not clearly lower for frog and ship"."""
    return f", not clearly {direction} for {join_labels(names)}" if names else ""


def _describe_excess(classes: Sequence[ClassResult], labels: Sequence[str]) -> list[str]:
    """Name the classes that are predicted clearly more or less often than they have images: most of their errors are of one kind."""
    p_values = adjust_holm([mcnemar_exact(result.fp, result.fn) for result in classes])
    excess = {k: result.fp - result.fn for k, (result, p_value) in enumerate(zip(classes, p_values, strict=True)) if p_value < SIGNIFICANCE_LEVEL}
    over = sorted((k for k in excess if excess[k] > 0), key=lambda k: -excess[k])
    under = sorted((k for k in excess if excess[k] < 0), key=lambda k: excess[k])
    parts = [
        f"{words} {join_labels([f'{labels[k]} ({excess[k]:+,})' for k in keys])}"
        for words, keys in (("too many images as", over), ("too few as" if over else "too few images as", under))
        if keys
    ]
    return [f"The network predicts {' and '.join(parts)}."] if parts else []


def _write_common_value(names: Sequence[str], value: str) -> str:
    """Return names with the value that they have in common: "cat and dog (70.00% each)"."""
    return f"{join_labels(names)} ({value}{' each' * (len(names) > 1)})"
