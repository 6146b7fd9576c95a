"""How well a run told the classes apart: on the test part, or on validation where the test part was not looked at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.runs.arrays import TEST, Predictions
from kcifar.runs.schemas import ClassResult, TestResult


@dataclass(frozen=True)
class Outcome:
    """Result of a run on one part.

    Attributes:
        split: "test" or "validation".
        samples: Images, > 0.
        accuracy: In [0, 1].
        cross_entropy: Mean, nats; None where it is not finite.
        classes: In the order of the labels.
        matrix: int64 (classes, classes), images by true class (row) and called class (column); None where the run does not tell.
    """

    split: str
    samples: int
    accuracy: float
    cross_entropy: float | None
    classes: Sequence[ClassResult]
    matrix: np.ndarray | None

    @property
    def class_names(self) -> list[str]:
        """In the order of the labels."""
        return [result.name for result in self.classes]


@dataclass(frozen=True)
class Scores:
    """Scores of one class in [0, 1]; NaN where it has none.

    Attributes:
        precision: tp / (tp + fp); NaN for a class that is never called.
        recall: tp / (tp + fn); NaN for a class without images.
        f1: 2 tp / (2 tp + fp + fn); NaN for a class without images: calls alone would make it 0 whatever they are.
    """

    precision: float
    recall: float
    f1: float


def scores_of(tp: int, fp: int, fn: int) -> Scores:
    """Return the scores of a class from its images that are called it, others called it, and its images called another.

    Example:
        >>> scores_of(8, 2, 8)
        Scores(precision=0.8, recall=0.5, f1=0.6153846153846154)
        >>> scores_of(0, 2, 0)
        Scores(precision=0.0, recall=nan, f1=nan)
    """
    images = tp + fn
    precision = tp / (tp + fp) if tp + fp else math.nan
    return Scores(precision, tp / images, 2 * tp / (2 * tp + fp + fn)) if images else Scores(precision, math.nan, math.nan)


def outcome_of_test(test: TestResult) -> Outcome:
    """Return what `test.json` says."""
    matrix = None if test.confusion_matrix is None else np.asarray(test.confusion_matrix, np.int64)
    return Outcome(TEST, test.samples, test.accuracy, test.cross_entropy, test.classes, matrix)


def outcome_of_predictions(predictions: Predictions, class_names: Sequence[str]) -> Outcome:
    """Return the same from predictions; measures without a denominator are 0, as in `test.json`."""
    count = len(class_names)
    flat = predictions.labels * count + predictions.called
    matrix = np.bincount(flat, minlength=count * count).reshape(count, count)
    with np.errstate(divide="ignore"):
        cross_entropy = float(np.abs(np.log(predictions.label_probability)).mean())  # abs: none is above 1, and no -0
    finite = cross_entropy if np.isfinite(cross_entropy) else None
    classes = [_class_result(name, matrix, k) for k, name in enumerate(class_names)]
    return Outcome(predictions.split, len(predictions.labels), float(predictions.correct.mean()), finite, classes, matrix)


def _class_result(name: str, matrix: np.ndarray, k: int) -> ClassResult:
    tp, support, called = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
    tn = int(matrix.sum()) - support - called + tp
    found = scores_of(tp, called - tp, support - tp)
    precision, recall, f1 = (0.0 if math.isnan(score) else score for score in (found.precision, found.recall, found.f1))
    return ClassResult(name=name, precision=precision, recall=recall, f1=f1, support=support, tp=tp, fp=called - tp, fn=support - tp, tn=tn)
