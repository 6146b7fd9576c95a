"""How well a run told the classes apart: on the test part, or on validation where the test part was not looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.reporting.arrays import TEST, Predictions
from kcifar.reporting.run_files import ClassResult, TestResult


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


def outcome_of_test(test: TestResult) -> Outcome:
    """Return what `test.json` says."""
    matrix = None if test.confusion_matrix is None else np.asarray(test.confusion_matrix, np.int64)
    return Outcome(TEST, test.samples, test.accuracy, test.cross_entropy, test.classes, matrix)


def outcome_of_predictions(predictions: Predictions, class_names: Sequence[str]) -> Outcome:
    """Return the same from predictions; measures without a denominator are 0, as in `test.json`."""
    count = len(class_names)
    flat = predictions.labels * count + predictions.called
    matrix = np.bincount(flat, minlength=count * count).reshape(count, count)
    chosen = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    with np.errstate(divide="ignore"):
        cross_entropy = float(-np.log(chosen).mean())
    finite = cross_entropy if np.isfinite(cross_entropy) else None
    classes = [_class_result(name, matrix, k) for k, name in enumerate(class_names)]
    return Outcome(predictions.split, len(predictions.labels), float(predictions.correct.mean()), finite, classes, matrix)


def _class_result(name: str, matrix: np.ndarray, k: int) -> ClassResult:
    tp, support, called = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
    precision, recall, f1 = (
        (tp / called if called else 0.0),
        (tp / support if support else 0.0),
        (2 * tp / (support + called) if support + called else 0.0),
    )
    tn = int(matrix.sum()) - support - called + tp
    return ClassResult(name=name, precision=precision, recall=recall, f1=f1, support=support, tp=tp, fp=called - tp, fn=support - tp, tn=tn)
