"""Metrics and predictions of a part, from the logits of the un-augmented network."""

from typing import Any

import numpy as np

from kcifar.datasets.dataset import Part
from kcifar.runs.evaluation_result import compute_class_results, count_confusions

# How many images a run keeps for its report, and of which kinds.
NUM_FIRST, NUM_MISTAKES, NUM_PER_CONFUSED_PAIR, NUM_CONFUSED_PAIRS = 100, 100, 5, 20


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of logits (count, classes), float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits (count, classes), float32."""
    return np.asarray(np.exp(log_probabilities(logits)), np.float32)


def cross_entropy(logits: np.ndarray, labels: np.ndarray, label_smoothing: float = 0.0) -> float:
    """Return the mean cross-entropy in nats; targets are smoothed to (1 - s) * one-hot + s / classes (Szegedy et al., 2016, section 7)."""
    log = log_probabilities(logits)
    own = log[np.arange(len(labels)), labels].mean()
    return float(-(1 - label_smoothing) * own - label_smoothing * log.mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of rows whose largest logit is the label's."""
    return float((logits.argmax(axis=1) == labels).mean())


def metrics(logits: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Return what `test.json` holds, as plain numbers.

    Args:
        logits: float (count, classes).
        labels: int (count,).
        class_names: One a class.
    Returns:
        samples, accuracy, cross_entropy; precision, recall, f1, support, tp, fp, fn, tn of each class (0 where undefined);
        the confusion matrix, rows true and columns predicted.
    """
    matrix = count_confusions(labels, logits.argmax(axis=1), len(class_names))
    rows = [result.model_dump() for result in compute_class_results(matrix, class_names)]
    overall = {"samples": len(labels), "accuracy": accuracy(logits, labels), "cross_entropy": cross_entropy(logits, labels)}
    return overall | {"classes": rows, "confusion_matrix": matrix.tolist()}


def prediction_arrays(title: str, labels: np.ndarray, logits: np.ndarray, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Return what `predictions.npz` holds of a part: labels, probabilities and indices into the part as loaded."""
    return {f"{title}_labels": labels, f"{title}_probabilities": probabilities(logits), f"{title}_indices": indices}


def example_arrays(part: Part, logits: np.ndarray, indices: np.ndarray, split: str) -> dict[str, np.ndarray]:
    """Choose the images that a report shows: the first, the most confident mistakes, and some of each often confused pair.

    Args:
        part: Where the images are.
        logits: float (len(indices), classes).
        indices: Which images of the part were predicted.
        split: The part's name.
    Returns:
        images uint8 (at most 400, height, width, 3), indices into the part, and split (a text an image).
    """
    labels, predicted = part.labels[indices], logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = log_probabilities(logits).max(axis=1)
    by_confidence = wrong[np.argsort(-confidence[wrong], kind="stable")]
    chosen = np.concatenate([np.arange(min(NUM_FIRST, len(labels))), by_confidence[:NUM_MISTAKES], _confused_examples(labels, predicted, wrong)])
    rows = indices[np.unique(chosen)]
    return {"images": part.images[rows], "indices": rows, "split": np.full(len(rows), split)}


def _confused_examples(labels: np.ndarray, predicted: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return rows of the most frequent (true, predicted) pairs, a few a pair."""
    if not len(wrong):
        return wrong
    pairs = np.stack([labels[wrong], predicted[wrong]])
    _, inverse, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:NUM_CONFUSED_PAIRS]
    return np.concatenate([wrong[inverse.ravel() == pair][:NUM_PER_CONFUSED_PAIR] for pair in frequent])


def metrics_lines(found: dict[str, Any]) -> list[str]:
    """Write metrics as lines for a terminal, a row a class."""
    width = max(len(row["name"]) for row in found["classes"])
    head = f"{found['split']}: accuracy {found['accuracy']:.2%}, cross-entropy {found['cross_entropy']:.4f} ({found['samples']:,} images)"
    if "views" in found:
        several = found["views"]
        head += f"; over {several['count']} views: accuracy {several['accuracy']:.2%}, cross-entropy {several['cross_entropy']:.4f}"
    rows = [f"{row['name']:{width}}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}  {row['support']:7}" for row in found["classes"]]
    return [head, f"{'class':{width}}  precision  recall     f1  support", *rows]
