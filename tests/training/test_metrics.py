"""Metrics by hand, against scikit-learn, and for a saved run again."""

import json
import math
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

import kcifar
from kcifar.core.errors import UserError
from kcifar.datasets.dataset import Split
from kcifar.runs.schemas import MetricsFile
from kcifar.training.evaluation import evaluate_run
from kcifar.training.metrics import choose_examples, compute_metrics, cross_entropy, format_metrics, softmax

NAMES = ("a", "b", "c")


def test_metrics_by_hand() -> None:
    """True a a a b b c, predicted a a b b c c."""
    labels = np.array([0, 0, 0, 1, 1, 2])
    logits = np.eye(3)[[0, 0, 1, 1, 2, 2]] * 5
    found = compute_metrics(logits, labels, NAMES)
    assert found["confusion_matrix"] == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert found["accuracy"] == pytest.approx(4 / 6)
    a, b, c = found["classes"]
    assert (a["tp"], a["fp"], a["fn"], a["tn"], a["support"]) == (2, 0, 1, 3, 3)
    assert (a["precision"], a["recall"], a["f1"]) == pytest.approx((1, 2 / 3, 0.8))
    assert (b["tp"], b["fp"], b["fn"], b["tn"]) == (1, 1, 1, 3)
    assert (c["precision"], c["recall"]) == pytest.approx((0.5, 1))


LARGEST = float(np.finfo(np.float32).max)
ANY_LOGIT = st.integers(-5, 5).map(float) | st.sampled_from([math.nan, math.inf, -math.inf, LARGEST, -LARGEST])


@given(st.lists(st.tuples(st.integers(0, 2), ANY_LOGIT, ANY_LOGIT, ANY_LOGIT), min_size=1, max_size=20))
def test_logits_that_are_not_finite_give_results_that_a_report_reads(samples: list[tuple[int, float, float, float]]) -> None:
    labels, logits = np.array([label for label, *_ in samples]), np.array([row for _, *row in samples], np.float32)
    found, probabilities = compute_metrics(logits, labels, NAMES), softmax(logits)
    read = MetricsFile.model_validate_json(json.dumps(found, allow_nan=False))
    assert (read.cross_entropy is None) == (not np.isfinite(logits).all() and not math.isfinite(cross_entropy(logits, labels)))
    assert (read.cross_entropy is None) or math.isfinite(read.cross_entropy)
    assert ("not finite" in "".join(format_metrics({"split": "test"} | found))) == (read.cross_entropy is None)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(labels)), abs=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() == found["accuracy"]
    unknown = np.isnan(logits).any(axis=1)
    assert (probabilities[unknown] == np.float32(1 / 3)).all()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_counts_of_each_class_add_up(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    found = compute_metrics(np.eye(3)[predicted], labels, NAMES)
    for row in found["classes"]:
        assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == len(pairs)
        assert row["support"] == row["tp"] + row["fn"]
    assert sum(row["tp"] for row in found["classes"]) == round(found["accuracy"] * len(pairs))
    assert len(format_metrics({"split": "test"} | found)) == 5


def test_an_accuracy_has_its_interval() -> None:
    """81 of 263: 0.2553 to 0.3662 (Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3)."""
    found = compute_metrics(np.eye(3)[[0] * 81 + [1] * 182], np.zeros(263, int), NAMES)
    assert "(263 images; 95% interval of the accuracy: 25.53% to 36.62%)" in format_metrics({"split": "test"} | found)[0]


@given(st.integers(1, 8), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_confusions_and_scores_are_those_of_scikit_learn_to_the_last_bit(classes: int, images: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels, predicted = (generator.choice(generator.integers(0, classes, 3), images) for _ in range(2))
    ids, names = np.arange(classes), tuple(map(str, range(classes)))
    found = compute_metrics(np.eye(classes, dtype=np.float32)[predicted], labels, names)
    with warnings.catch_warnings(action="ignore"):  # of a single class
        assert found["confusion_matrix"] == confusion_matrix(labels, predicted, labels=ids).tolist()
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=ids, zero_division=0.0)
    for row, *expected in zip(found["classes"], precision, recall, f1, support, strict=True):
        assert [row["precision"], row["recall"], row["f1"], row["support"]] == expected


def test_cross_entropy_agrees_with_keras() -> None:
    from kcifar.engine.backend import load_backend

    load_backend()
    import keras

    generator = np.random.default_rng(0)
    logits, labels = generator.normal(0, 4, (50, 10)).astype(np.float32), generator.integers(0, 10, 50)
    for smoothing in (0.0, 0.2):
        expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)(np.eye(10, dtype=np.float32)[labels], logits)
        assert cross_entropy(logits, labels, smoothing) == pytest.approx(float(expected), rel=1e-5)


def test_extreme_logits_stay_finite() -> None:
    logits = np.array([[1e4, -1e4, 0.0]], np.float32)
    assert np.isfinite(cross_entropy(logits, np.array([1])))
    assert softmax(logits).tolist() == [[1.0, 0.0, 0.0]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
def test_examples_are_few_distinct_and_contain_the_most_confident_error(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    part = Split(generator.integers(0, 256, (count, 2, 2, 3), dtype=np.uint8), generator.integers(0, 5, count))
    logits = generator.normal(0, 2, (count, 5))
    found = choose_examples(part, logits, np.arange(count), "test")
    assert len(found["indices"]) == len(set(found["indices"].tolist())) <= 300
    assert np.array_equal(found["images"], part.images[found["indices"]])
    wrong = np.flatnonzero(logits.argmax(axis=1) != part.labels)
    if len(wrong):
        assert wrong[softmax(logits)[wrong].max(axis=1).argmax()] in found["indices"]


def test_examples_are_the_first_images_and_the_most_confident_errors_of_all_and_of_each_frequent_confusion() -> None:
    """The images that a report shows, chosen again by loops; the numbers are those that the report's texts name."""
    count, classes = 3000, 12
    generator = np.random.default_rng(1)
    part = Split(np.zeros((count, 1, 1, 3), np.uint8), generator.integers(0, classes, count))
    logits = generator.normal(0, 2, (count, classes))
    predicted, confidence = logits.argmax(axis=1), softmax(logits).max(axis=1)
    errors = sorted((row for row in range(count) if predicted[row] != part.labels[row]), key=lambda row: -confidence[row])
    pairs: dict[tuple[int, int], list[int]] = {}
    for row in errors:
        pairs.setdefault((part.labels[row], predicted[row]), []).append(row)
    frequent = sorted(sorted(pairs), key=lambda pair: -len(pairs[pair]))[:20]
    expected = {*range(100), *errors[:100], *(row for pair in frequent for row in pairs[pair][:5])}
    assert choose_examples(part, logits, np.arange(count), "test")["indices"].tolist() == sorted(expected)


def test_evaluating_a_run_again_repeats_its_numbers(tiny_run: kcifar.Run) -> None:
    before = (tiny_run.path / "test.json").read_bytes()
    again = evaluate_run(tiny_run, None, "test")
    assert again["confusion_matrix"] == tiny_run.test["confusion_matrix"]
    assert again["cross_entropy"] == pytest.approx(tiny_run.test["cross_entropy"], rel=1e-6)
    assert evaluate_run(tiny_run, None, "validation")["accuracy"] == tiny_run.history["val_accuracy"].iloc[-1]
    assert (tiny_run.path / "test.json").read_bytes() == before


def test_evaluating_completes_a_run_that_never_looked(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    for name in ("test.json", "predictions.npz", "examples.npz"):
        (tmp_path / "run" / name).unlink()
    run = kcifar.open_run(tmp_path / "run")
    evaluate_run(run, None, "test")
    assert run.test["confusion_matrix"] == tiny_run.test["confusion_matrix"]
    assert run.predictions["test_probabilities"] == pytest.approx(tiny_run.predictions["test_probabilities"], abs=1e-5)


def test_other_data_are_refused(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    path = tmp_path / "run" / "dataset.json"
    path.write_text(path.read_text().replace(tiny_run.dataset["content_sha256"], "0" * 64))
    with pytest.raises(UserError, match="expected the images and labels that"):
        evaluate_run(kcifar.open_run(tmp_path / "run"), None, "test")
