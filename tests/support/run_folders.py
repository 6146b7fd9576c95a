"""Run folders as training writes them, for the tests of what reads them."""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

CLASS_NAMES = ("airplane", "automobile", "bird")
STAGES = (("learn", 4, 3e-4), ("refine", 3, 1e-4), ("polish", 2, 5e-5))
CONFUSION_MATRIX = ((8, 1, 1), (2, 7, 1), (0, 0, 10))

HOSTILE = "a|b <b>$x_{$ [red]`*c*\n# é画"  # every markup and an end of line; the last sign is not in the figures' font

Row = dict[str, Any]
Stages = Sequence[tuple[str, int, float]]
Matrix = Sequence[Sequence[int]]


def write_run(
    folder: Path,
    *,
    stages: Stages = STAGES,
    history: Sequence[Row] | None = None,
    state: str = "finished",
    matrix: Matrix = CONFUSION_MATRIX,
    class_names: Sequence[str] = CLASS_NAMES,
    changes: Mapping[str, Any] | None = None,
    arrays: bool = True,
    seed: int = 0,
) -> Path:
    """Write a whole run folder.

    Args:
        folder: Made by this function.
        stages: Name, epochs and learning rate of each stage of the recipe.
        history: Rows of history.csv; None: `history_rows(stages)`. The file is left out where there are none.
        state: Of status.json; a run that is not finished has no test.json and no arrays.
        matrix: Confusion matrix of the test images, which test.json and the predictions agree on.
        class_names: One a row of the matrix.
        changes: Keys of the recipe that are replaced.
        arrays: Whether predictions, examples and batches are written.
        seed: Of the recipe, and of the predicted probabilities.
    """
    folder.mkdir(parents=True)
    rows = history_rows(stages) if history is None else history
    settings = recipe("fixture", stages) | {"seed": seed} | dict(changes or {})
    (folder / "recipe.yaml").write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if rows:
        write_history(folder, rows)
    for name, content in _facts(state, len(rows), class_names).items():
        write_json(folder / f"{name}.json", content)
    if state == "finished":
        write_json(folder / "test.json", metrics_row(class_names, matrix))
    if state == "finished" and arrays:
        write_arrays(folder, matrix, seed)
    if rows and arrays:
        write_batches(folder, rows)
    return folder


def write_arrays(folder: Path, matrix: Matrix, seed: int = 0) -> None:
    """Write predictions of test and validation that have this confusion matrix, and a few test images to show."""
    rng = np.random.default_rng(seed)
    arrays: Row = {}
    for split in ("test", "validation"):
        labels, probabilities = make_predictions(matrix, rng)
        arrays |= {f"{split}_labels": labels, f"{split}_probabilities": probabilities, f"{split}_indices": np.arange(len(labels))}
    np.savez_compressed(folder / "predictions.npz", **arrays)
    indices = np.arange(min(300, len(arrays["test_labels"])))
    images = rng.integers(0, 256, (len(indices), 8, 8, 3), dtype=np.uint8)
    np.savez_compressed(folder / "examples.npz", images=images, indices=indices, split=np.full(len(indices), "test"))


def make_predictions(matrix: Matrix, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return labels int64 (n,) and float32 probabilities (n, classes) that give this confusion matrix (rows true, columns predicted classes), shuffled."""
    counts = np.asarray(matrix)
    classes = len(counts)
    labels, predicted_classes = (np.repeat(ids.ravel(), counts.ravel()) for ids in np.indices((classes, classes)))
    probabilities = rng.dirichlet(np.full(classes, 0.5), len(labels)).astype(np.float32)
    rows, largest = np.arange(len(labels)), probabilities.argmax(axis=1)
    highest, replaced = probabilities[rows, largest], probabilities[rows, predicted_classes]
    probabilities[rows, largest], probabilities[rows, predicted_classes] = replaced, highest
    order = rng.permutation(len(labels))
    return labels[order], probabilities[order]


def write_batches(folder: Path, rows: Sequence[Row]) -> None:
    """Write batches.csv with four rows for each epoch of the history."""
    lines = ["step,stage,epoch,loss,accuracy"]
    for row in rows:
        name = '"' + row["stage"].replace('"', '""') + '"'
        lines += [f"{(row['epoch'] - 1) * 40 + 10 * part},{name},{row['epoch']},{row['loss']},{row['accuracy']}" for part in (1, 2, 3, 4)]
    (folder / "batches.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def recipe(name: str, stages: Stages) -> Row:
    """A resolved recipe, with the keys that reports read and some that they do not."""
    return {
        "name": name,
        "seed": 0,
        "dataset": {"name": "cifar10", "validation": 0.2},
        "model": {"name": "residual_cnn"},
        "precision": "float32",
        "stages": [{"name": stage, "epochs": epochs, "learning_rate": {"name": "constant", "value": rate}} for stage, epochs, rate in stages],
    }


def _facts(state: str, epochs: int, class_names: Sequence[str]) -> dict[str, Row]:
    reason = None if state == "finished" else "SIGTERM"
    return {
        "status": {"state": state, "reason": reason, "epoch": epochs, "pid": 1, "host": "here", "updated": "2025-01-01T00:00:00"},
        "model": {
            "name": "residual_cnn",
            "parameters": 17_001_930,
            "trainable_parameters": 16_998_986,
            "bytes": 68_007_720,
            "multiply_accumulates": 465_000_000,
            "layers": [],
        },
        "environment": {
            "kcifar": "0",
            "backend": "tensorflow",
            "devices": ["CPU"],
            "cores": 2,
            "precision": "float32",
            "packages": {"keras": "3.15.1"},
        },
        "dataset": {
            "name": "cifar10",
            "class_names": class_names,
            "image_shape": [32, 32, 3],
            "notes": [],
            "counts": {"train": 40_000, "validation": 30, "test": 30},
            "content_sha256": "0123",
        },
    }


def history_rows(stages: Stages, values: Sequence[Mapping[str, float]] = ()) -> list[Row]:
    """Rows of history.csv; `values` replaces what the first epochs measured."""
    rows: list[Row] = []
    for index, (stage, epochs, rate) in enumerate(stages):
        for stage_epoch in range(1, epochs + 1):
            epoch = len(rows) + 1
            rows.append({"stage": stage, "stage_index": index, "epoch": epoch, "stage_epoch": stage_epoch, "learning_rate": rate} | _measured(epoch))
    for row, value in zip(rows, values, strict=False):
        row |= value
    return rows


def _measured(epoch: int) -> Row:
    accuracy, loss = 1 - 0.7 / epoch, 2.0 / epoch
    training = {"loss": loss, "cross_entropy": loss, "accuracy": accuracy}
    validation = {"val_loss": loss + 0.1, "val_cross_entropy": loss + 0.1, "val_accuracy": accuracy - 0.05}
    return training | validation | {"images_seen": 40_000 * epoch, "seconds": 40.0, "images_per_second": 1000.0}


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """Write history.csv; the columns are those of the first row."""
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def metrics_row(class_names: Sequence[str], matrix: Sequence[Sequence[int]]) -> Row:
    """Return the content of test.json for a confusion matrix (rows true, columns predicted classes)."""
    samples = sum(map(sum, matrix))
    classes = [_class_result(name, index, matrix, samples) for index, name in enumerate(class_names)]
    correct = sum(matrix[index][index] for index in range(len(matrix)))
    overall = {"split": "test", "samples": samples, "accuracy": correct / samples, "cross_entropy": 0.5, "weights": "last", "classes": classes}
    return overall | {"confusion_matrix": [list(row) for row in matrix]}


def _class_result(name: str, index: int, matrix: Sequence[Sequence[int]], samples: int) -> Row:
    tp, support = matrix[index][index], sum(matrix[index])
    predicted = sum(row[index] for row in matrix)
    counts = {"support": support, "tp": tp, "fp": predicted - tp, "fn": support - tp, "tn": samples - support - predicted + tp}
    f1 = 2 * tp / (support + predicted) if support + predicted else 0.0
    return {"name": name, "precision": tp / predicted if predicted else 0.0, "recall": tp / support if support else 0.0, "f1": f1, **counts}


def write_json(path: Path, value: Any) -> None:
    """Write JSON as training does."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _without_validation(folder: Path) -> Path:
    return write_run(folder, history=[{key: value for key, value in row.items() if not key.startswith("val_")} for row in history_rows(STAGES)])


def _with_nan(folder: Path) -> Path:
    nothing = {"loss": math.nan, "accuracy": math.nan, "val_loss": math.nan, "val_accuracy": math.inf}
    return write_run(folder, history=history_rows(STAGES, [{}, nothing, {}, nothing]), state="failed")


CASES: dict[str, Callable[[Path], Path]] = {
    "three stages": write_run,
    "another seed": lambda folder: write_run(folder, seed=1, matrix=((9, 1, 0), (3, 7, 0), (0, 1, 9))),
    "no arrays": lambda folder: write_run(folder, arrays=False),
    "one class never predicted, one without images": lambda folder: write_run(folder, matrix=((9, 0, 1), (0, 0, 0), (4, 0, 6))),
    "one epoch": lambda folder: write_run(folder, stages=[("only", 1, 1e-3)]),
    "interrupted": lambda folder: write_run(folder, history=history_rows(STAGES)[:5], state="interrupted"),
    "not finite": _with_nan,
    "nothing finite": lambda folder: write_run(folder, history=[row | dict.fromkeys(list(row)[4:], math.nan) for row in history_rows(STAGES)]),
    "no validation": _without_validation,
    "forty stages, hostile names": lambda folder: write_run(folder, stages=[(f"{HOSTILE} {n}", 1, 1e-3 / n) for n in range(1, 41)]),
}
