"""Metrics, predictions and example images of a split, from the logits of the un-augmented network.

Finite weights may give outputs that are not finite. Such an image still has a predicted class and probabilities (`replace_non_finite`),
but the mean cross-entropy is not finite, which JSON writes as null.
"""

import math
from typing import Any

import numpy as np

from kcifar.core.errors import one_line
from kcifar.datasets.dataset import Split
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.runs.evaluation_result import compute_class_results, count_confusions

# How many images a run keeps for its report: the first, the most confident errors, and some of each frequent confusion.
NUM_FIRST, NUM_ERRORS, NUM_PER_CONFUSED_PAIR, NUM_CONFUSED_PAIRS = 100, 100, 5, 20


def replace_non_finite(logits: np.ndarray) -> np.ndarray:
    """Return logits that are all finite: infinities become the largest number; an image with a NaN gets zeros, every class as probable."""
    finite: np.ndarray = np.nan_to_num(logits)
    finite[np.isnan(logits).any(axis=1)] = 0
    return finite


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of logits (count, classes), float64; NaN in a row with a NaN or an infinity."""
    with np.errstate(invalid="ignore"):  # infinity - infinity
        shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits (count, classes), float32; always finite."""
    return np.asarray(np.exp(log_softmax(replace_non_finite(logits))), np.float32)


def find_predicted(logits: np.ndarray) -> np.ndarray:
    """Return the class of each row's largest logit, int64 (count,)."""
    return np.asarray(replace_non_finite(logits).argmax(axis=1))


def cross_entropy(logits: np.ndarray, labels: np.ndarray, label_smoothing: float = 0.0) -> float:
    """Return the mean cross-entropy in nats; targets are smoothed to (1 - s) * one-hot + s / classes (Szegedy et al., 2016, section 7)."""
    log = log_softmax(logits)
    true_class = log[np.arange(len(labels)), labels].mean()
    smoothed = label_smoothing * log.mean() if label_smoothing else 0.0  # without smoothing other classes may have a logarithm of -infinity
    return float(-(1 - label_smoothing) * true_class - smoothed)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of rows whose largest logit is the label's."""
    return float((find_predicted(logits) == labels).mean())


def compute_scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Return accuracy and cross_entropy; the latter is None if it is not finite."""
    entropy = cross_entropy(logits, labels)
    return {"accuracy": accuracy(logits, labels), "cross_entropy": entropy if math.isfinite(entropy) else None}


def compute_metrics(logits: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the contents of `test.json`, as plain numbers.

    Args:
        logits: float (count, classes).
        labels: int (count,).
        class_names: One per class.
    Returns:
        samples, accuracy, cross_entropy (None if it is not finite); precision, recall, f1, support, tp, fp, fn, tn of each class (0 where undefined);
        the confusion matrix, with a row per true class and a column per predicted class.
    """
    matrix = count_confusions(labels, find_predicted(logits), len(class_names))
    rows = [result.model_dump() for result in compute_class_results(matrix, class_names)]
    return {"samples": len(labels)} | compute_scores(logits, labels) | {"classes": rows, "confusion_matrix": matrix.tolist()}


def make_prediction_arrays(split: str, labels: np.ndarray, logits: np.ndarray, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of `predictions.npz` for one split: labels, probabilities and indices into the split as loaded."""
    return {f"{split}_labels": labels, f"{split}_probabilities": softmax(logits), f"{split}_indices": indices}


def choose_examples(part: Split, logits: np.ndarray, indices: np.ndarray, split: str) -> dict[str, np.ndarray]:
    """Choose the images that a report shows: the first, the most confident errors, and the most confident ones of each frequent confusion.

    Args:
        part: Contains the images.
        logits: float (len(indices), classes).
        indices: Which images of the part were predicted.
        split: The part's name.
    Returns:
        images uint8 (at most 300, height, width, 3), indices into the part, and split (its name, one per image).
    """
    logits = replace_non_finite(logits)
    labels, predicted = part.labels[indices], logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = log_softmax(logits).max(axis=1)
    by_confidence = wrong[np.argsort(-confidence[wrong], kind="stable")]
    first = np.arange(min(NUM_FIRST, len(labels)))
    chosen = np.concatenate([first, by_confidence[:NUM_ERRORS], _choose_confused(labels, predicted, by_confidence)])
    rows = indices[np.unique(chosen)]
    return {"images": part.images[rows], "indices": rows, "split": np.full(len(rows), split)}


def _choose_confused(labels: np.ndarray, predicted: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return the first few rows of each of the most frequent (true, predicted) pairs, in the given order of wrong rows."""
    if not len(wrong):
        return wrong
    pairs = np.stack([labels[wrong], predicted[wrong]])
    _, inverse, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:NUM_CONFUSED_PAIRS]
    return np.concatenate([wrong[inverse.ravel() == pair][:NUM_PER_CONFUSED_PAIR] for pair in frequent])


def format_metrics(metrics: dict[str, Any]) -> list[str]:
    """Write metrics as lines for a terminal: a summary, where it is written if not of the run's own data, then one row per class."""
    width = max(len(row["name"]) for row in metrics["classes"])
    data = f"{one_line(metrics['data'])}, " if "data" in metrics else ""
    low, high = compute_fraction_interval(metrics["accuracy"], metrics["samples"])
    images = f"{metrics['samples']:,} image{'s' * (metrics['samples'] != 1)}"
    head = f"{data}{metrics['split']}: {format_scores(metrics)} ({images}; 95% interval of the accuracy: {low:.2%} to {high:.2%})"
    if "views" in metrics:
        head += f"; averaged over {metrics['views']['count']} views: {format_scores(metrics['views'])}"
    rows = [
        f"{row['name']:{width}}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}  {row['support']:7}" for row in metrics["classes"]
    ]
    others = [f"not the run's own data: written to the run's {metrics['file']}, apart from test.json"] if "file" in metrics else []
    return [head, *others, f"{'class':{width}}  precision  recall     f1  support", *rows]


def format_scores(metrics: dict[str, Any]) -> str:
    """Write accuracy and cross-entropy as a person reads them."""
    entropy = metrics["cross_entropy"]
    return f"accuracy {metrics['accuracy']:.2%}, cross-entropy {'not finite' if entropy is None else f'{entropy:.4f}'}"
