"""Laws of the whole commentary on random runs: of any size, at any accuracy, with any number of classes, many of them pure noise."""

import math
import re
from typing import Any

import numpy as np
import pandas
import pytest
from commentary_cases import FINISHED, clear_gains, gains_of, history_of, is_clear
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_runs import made
from scipy.stats import binomtest

from kcifar.reporting.commentary.classes import describe_classes
from kcifar.reporting.sections import calibration, class_scores, commentary, confusion, coverage, gallery, history, top_k
from kcifar.runs.arrays import Predictions
from kcifar.runs.evaluation_result import evaluate_predictions
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import DatasetFile

SECTIONS = (commentary, class_scores, confusion, top_k, calibration, coverage, gallery, history)


def random_run(seed: int, classes: int, images: int, accuracy: float, epochs: int, *, noise_only: bool, empty: int = 0) -> LoadedRun:
    """A run with predictions for `images` test images of `classes` classes, of which the last `empty` have none.

    With `noise_only`, the truth is the same for every class and in every epoch: each image is right with the same probability.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes - empty, images)
    chances = np.full(classes, accuracy) if noise_only else rng.uniform(0, 1, classes)
    right = rng.random(images) < chances[labels]
    others = (labels + rng.integers(1, classes, images)) % classes
    probabilities = rng.dirichlet(np.full(classes, rng.uniform(0.1, 2)), images)
    predicted, largest, rows = np.where(right, labels, others), probabilities.argmax(axis=1), np.arange(images)
    swapped = probabilities[rows, predicted].copy()
    probabilities[rows, predicted], probabilities[rows, largest] = probabilities[rows, largest], swapped
    validated = accuracy if noise_only else np.linspace(1 / classes, accuracy, epochs)
    validation = max(1, images // 2)
    accuracies = (rng.binomial(validation, validated, epochs) / validation).tolist()
    lengths = (epochs,) if epochs < 4 else (epochs // 2, epochs - epochs // 2 - 1, 1)
    training = (rng.binomial(10 * images, validated, epochs) / (10 * images)).tolist()
    rows_of_history = history_of(accuracies, lengths=lengths, training=training, val_loss=rng.uniform(0.5, 1, epochs).tolist())
    return make_run(rows_of_history, Predictions("test", labels, probabilities, rows), classes, validation)


def make_run(rows: pandas.DataFrame, predictions: Predictions, classes: int, validation: int) -> LoadedRun:
    names = [f"c{k}" for k in range(classes)]
    run = made("a run", None, val_accuracy=rows["val_accuracy"].tolist())
    stages = [{"name": name} for name in dict.fromkeys(rows["stage"])]
    values: dict[str, Any] = {"dataset": DatasetFile(class_names=names, counts={"validation": validation}), "settings": {"stages": stages}}
    extra = run.history.assign(stage=rows["stage"].tolist(), stage_index=rows["stage_index"].tolist(), accuracy=rows["accuracy"].tolist())
    extra["val_loss"], extra["loss"] = rows["val_loss"].tolist(), rows["loss"].tolist()
    made_run = LoadedRun(run.name, run.folder, run.recipe, extra, FINISHED, run.model, run.environment, None, values["dataset"], values["settings"])
    vars(made_run).update(
        test_predictions=predictions, validation_predictions=None, evaluation=evaluate_predictions(predictions, names), examples=None
    )
    return made_run


def read_text(run: LoadedRun) -> str:
    """Every sentence of the sections of single runs: paragraphs, captions and alternative texts."""
    contents = [section.of_run(run) for section in SECTIONS]
    return "\n".join(text for content in contents for text in (*content.paragraphs, *(t for f in content.figures for t in (f.caption, f.text))))


RUNS = st.builds(
    random_run,
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 3, 10, 37, 100]),
    st.sampled_from([1, 2, 7, 60, 360, 2000]),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 1.0]),
    st.integers(1, 14),
    noise_only=st.booleans(),
    empty=st.sampled_from([0, 0, 1]),
)


@settings(max_examples=40, deadline=None)
@given(RUNS)
@example(random_run(0, 10, 360, 0.99, 12, noise_only=True))
@example(random_run(1, 10, 2000, 0.1, 12, noise_only=True))
@example(random_run(2, 2, 1, 0.5, 1, noise_only=True, empty=1))
def test_no_sentence_claims_what_its_numbers_do_not_bear_out(run: LoadedRun) -> None:
    text, rows = read_text(run), run.history
    assert run.dataset
    images = run.dataset.counts["validation"]
    assert not re.search(r"(?<![\d.])0\.00 points", text)
    assert "nan" not in text
    gains = gains_of(rows)
    for number in map(int, re.findall(r'Stage "s(\d)" \([^)]*\) (?:raised|lowered) validation accuracy', text)):
        assert clear_gains(gains, images)[number]
    values = rows["val_accuracy"].to_numpy()
    if "Use early stopping" in text or "a clear fall since" in text:
        assert is_clear(values[-1], values.max(), images, max(1, len(values) - 1))
    evaluation = run.evaluation
    assert evaluation
    empty = {result.name for result in evaluation.classes if not result.support}
    for names in re.findall(r"(?:Recall|Precision|F1) is highest for (.+?)\.(?= [A-Z]|$)", text):
        assert not empty & set(re.findall(r"c\d+", names))
    for high, low in re.findall(r"is highest for [^(]+\(([\d.]+)%.* and lowest for [^(]+\(([\d.]+)%", text):
        assert float(high) > float(low)
    if "points to overfitting" in text:
        last = rows.iloc[-1]
        assert binomtest(round(last["val_accuracy"] * images), images, last["accuracy"]).pvalue < 0.06  # or the normal approximation


def test_runs_of_pure_noise_are_told_of_gains_ranks_and_falls_in_at_most_one_case_in_twenty() -> None:
    """Every class and every epoch has the same true accuracy: whatever is claimed is false."""
    claims = {
        "ranks": r"is highest for",
        "stages": r"(?:raised|lowered) validation accuracy",
        "falls": r"a clear fall since|Use early stopping",
        "speed": r"gained the most per epoch",
        "rise": r"still rising",
        "loss": r"Lower the learning rate of stage",
    }
    told = dict.fromkeys(claims, 0)
    count = 150
    for seed in range(count):
        classes, images, accuracy = ((10, 360, 0.99), (10, 2000, 0.1), (3, 500, 0.5))[seed % 3]
        text = "\n".join(commentary.of_run(random_run(seed, classes, images, accuracy, 9, noise_only=True)).paragraphs)
        for name, pattern in claims.items():
            told[name] += bool(re.search(pattern, text))
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / count)
    assert told["ranks"] / (3 * count) <= most  # of three measures each
    assert all(number / count <= most for name, number in told.items() if name != "ranks"), told


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_what_is_clear_is_said(classes: int) -> None:
    """The other way round: large differences on many images are claimed."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), 1000)
    right = rng.random(len(labels)) < np.linspace(0.5, 0.95, classes)[labels]
    predicted = np.where(right, labels, (labels + 1) % classes)
    probabilities = np.eye(classes)[predicted] * 0.9 + 0.1 / classes
    predictions = Predictions("test", labels, probabilities, np.arange(len(labels)))
    rows = history_of([0.3, 0.6, 0.8, 0.9, 0.7, 0.6, 0.6, 0.6], lengths=(3, 5))
    run = make_run(rows, predictions, classes, 5000)
    text = "\n".join(commentary.of_run(run).paragraphs)
    assert f"Recall is highest for c{classes - 1} (" in text
    assert "lowest for c0 (" in text
    assert 'Stage "s0" (3 epochs, learning rate 0.1) raised validation accuracy' in text
    assert 'Stage "s1" (5 epochs, learning rate 0.1) lowered validation accuracy' in text
    assert "in epoch 4, a clear fall since." in text
    assert "Use early stopping" in text
    assert describe_classes(run.evaluation)  # type: ignore[arg-type]
