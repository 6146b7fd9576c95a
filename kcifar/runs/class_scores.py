"""Precision, recall and F1 of a class, from counts."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class in [0, 1]; NaN if undefined.

    Attributes:
        precision: tp / (tp + fp); NaN for a class that is never predicted.
        recall: tp / (tp + fn); NaN for a class without images.
        f1: 2 tp / (2 tp + fp + fn); NaN for a class without images, because any prediction as the class would make it 0.
    """

    precision: float
    recall: float
    f1: float


def compute_class_scores(tp: int, fp: int, fn: int) -> ClassScores:
    """Return the scores of a class from its true positives, false positives and false negatives.

    Example:
        >>> compute_class_scores(8, 2, 8)
        ClassScores(precision=0.8, recall=0.5, f1=0.6153846153846154)
        >>> compute_class_scores(0, 2, 0)
        ClassScores(precision=0.0, recall=nan, f1=nan)
    """
    images = tp + fn
    precision = tp / (tp + fp) if tp + fp else math.nan
    return ClassScores(precision, tp / images, 2 * tp / (2 * tp + fp + fn)) if images else ClassScores(precision, math.nan, math.nan)
