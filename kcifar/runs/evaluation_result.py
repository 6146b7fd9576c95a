"""The evaluation of a run: on the test split, or on the validation split if the test split was not evaluated."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from kcifar.runs.arrays import TEST_SPLIT, Predictions
from kcifar.runs.class_scores import compute_class_scores
from kcifar.runs.schemas import ClassResult, MetricsFile


@dataclass(frozen=True)
class EvaluationResult:
    """Result of a run on one split.

    Attributes:
        split: "test" or "validation".
        samples: Number of images, > 0.
        accuracy: In [0, 1].
        cross_entropy: Mean over the images, in nats; None if it is not finite.
        classes: Result of each class, in the order of the labels.
        matrix: int64 (classes, classes), images by true class (row) and predicted class (column); None if the run has none.
    """

    split: str
    samples: int
    accuracy: float
    cross_entropy: float | None
    classes: Sequence[ClassResult]
    matrix: np.ndarray | None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the labels."""
        return [result.name for result in self.classes]


def convert_metrics_file(test: MetricsFile) -> EvaluationResult:
    """Return the result that `test.json` contains."""
    matrix = None if test.confusion_matrix is None else np.asarray(test.confusion_matrix, np.int64)
    return EvaluationResult(TEST_SPLIT, test.samples, test.accuracy, test.cross_entropy, test.classes, matrix)


def evaluate_predictions(predictions: Predictions, class_names: Sequence[str]) -> EvaluationResult:
    """Return the result of predictions; scores without a denominator are 0, as in `test.json`."""
    matrix = count_confusions(predictions.labels, predictions.predicted, len(class_names))
    with np.errstate(divide="ignore"):
        cross_entropy = float(np.abs(np.log(predictions.label_probability)).mean())  # abs: none is above 1, and no -0
    finite = cross_entropy if np.isfinite(cross_entropy) else None
    classes = compute_class_results(matrix, class_names)
    return EvaluationResult(predictions.split, len(predictions.labels), float(predictions.correct.mean()), finite, classes, matrix)


def count_confusions(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix, int64 (classes, classes): images by true class (row) and predicted class (column)."""
    return np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def compute_class_results(matrix: np.ndarray, class_names: Sequence[str]) -> list[ClassResult]:
    """Return the result of each class as in `test.json`, in the order of the labels; scores without a denominator are 0.

    Args:
        matrix: See `count_confusions`.
        class_names: One name per class.
    """
    return [_compute_class_result(name, matrix, label) for label, name in enumerate(class_names)]


def _compute_class_result(name: str, matrix: np.ndarray, label: int) -> ClassResult:
    tp, support, predictions = int(matrix[label, label]), int(matrix[label].sum()), int(matrix[:, label].sum())
    fp, fn = predictions - tp, support - tp
    scores = {score: 0.0 if math.isnan(value) else value for score, value in asdict(compute_class_scores(tp, fp, fn)).items()}
    return ClassResult(name=name, **scores, support=support, tp=tp, fp=fp, fn=fn, tn=int(matrix.sum()) - support - fp)
