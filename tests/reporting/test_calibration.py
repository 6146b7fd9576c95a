"""Laws of calibration, coverage and top-k: formulas against trusted implementations, and sentences that hold for any predictions.

Run alone with `pytest tests/reporting/test_calibration.py`.
"""

import io
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from run_folders import HOSTILE, write_run
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss, top_k_accuracy_score

from kcifar.pictures.saving import render_figure
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import calibration, coverage, top_k
from kcifar.reporting.stats import calibration as formulas
from kcifar.reporting.stats.ranking import area_under_risk_coverage, make_coverage_curve, rank_labels
from kcifar.reporting.stats.temperature import MAX_TEMPERATURE, MIN_TEMPERATURE, apply_temperature, fit_temperature
from kcifar.runs.arrays import Predictions
from kcifar.runs.load import LoadedRun, load_run

SECTIONS = (top_k, calibration, coverage)
EDGES = [k / 15 for k in range(16)]


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, many of them alike or on the edge of a bin, and whether each is right."""
    values = draw(st.lists(st.tuples(st.sampled_from(EDGES) | st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
    return np.array([confidence for confidence, _ in values]), np.array([right for _, right in values])


@st.composite
def predictions(draw: st.DrawFn, smallest: int = 0) -> Predictions:
    """Labels and probabilities of 2 to 6 classes from small whole numbers: ties, zeros and certainty are frequent."""
    classes, count = draw(st.integers(2, 6)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.integers(smallest, draw(st.integers(smallest + 1, 6)), (count, classes), endpoint=True).astype(float)
    weights[weights.sum(axis=1) == 0] = 1
    return Predictions("test", rng.integers(0, classes, count), weights / weights.sum(axis=1, keepdims=True), np.arange(count))


def synthetic(seed: int, spread: float, count: int = 20_000) -> Predictions:
    """Predictions of 5 classes whose labels are drawn with the very probabilities given: calibrated by construction."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(5, spread), count)
    labels = (probabilities.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=4)
    return Predictions("validation", labels, probabilities, np.arange(count))


# Bins and what is made of them


@given(answers())
@settings(max_examples=50, deadline=None)
def test_bins_are_those_of_scikit_learn(given_answers: tuple[np.ndarray, np.ndarray]) -> None:
    confidence, correct = given_answers
    result = formulas.bin_by_confidence(confidence, correct)
    fractions, means = calibration_curve(correct, confidence, n_bins=15, strategy="uniform")
    filled = result.counts > 0
    np.testing.assert_allclose(result.accuracy[filled], fractions, atol=1e-12)
    np.testing.assert_allclose(result.confidence[filled], means, atol=1e-12)
    assert np.isnan(result.gaps[~filled]).all()
    assert result.counts.sum() == len(confidence)


@given(answers(), st.integers(1, 20), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_calibration_errors_follow_their_definitions_in_any_order_of_images(
    given_answers: tuple[np.ndarray, np.ndarray], bins: int, random: object
) -> None:
    confidence, correct = given_answers
    distances, weighted = [], 0.0
    for m in range(bins):  # Guo et al. 2017, equations 1 to 5, bin by bin
        edges = np.linspace(0, 1, bins + 1)
        inside = (confidence <= edges[m + 1]) & ((confidence > edges[m]) | (m == 0))
        if inside.any():
            distances.append(abs(confidence[inside].mean() - correct[inside].mean()))
            weighted += inside.sum() / len(confidence) * distances[-1]
    result = formulas.bin_by_confidence(confidence, correct, bins)
    expected, largest = formulas.expected_calibration_error(result), formulas.maximum_calibration_error(result)
    assert expected == pytest.approx(weighted, abs=1e-12)
    assert largest == pytest.approx(max(distances), abs=1e-12)
    assert -1e-12 <= expected <= largest + 1e-12 <= 1 + 2e-12
    order = np.random.default_rng(0).permutation(len(confidence))
    again = formulas.bin_by_confidence(confidence[order], correct[order], bins)
    assert formulas.expected_calibration_error(again) == pytest.approx(expected, abs=1e-12)


def test_a_confidence_of_exactly_one_is_in_the_last_bin_with_the_others() -> None:
    """By hand: of 0.95, 0.97, 1 and 1, two are right; they are one bin, of confidence 0.98 and accuracy 0.5. Apart, 1 and 1 would differ by 0.5."""
    confidence, correct = np.array([0.95, 0.97, 1.0, 1.0]), np.array([True, True, False, False])
    for bins in (10, 15, 20):
        result = formulas.bin_by_confidence(confidence, correct, bins)
        assert result.counts.tolist() == [0] * (bins - 2 + (bins < 20)) + ([4] if bins < 20 else [1, 3])
    result = formulas.bin_by_confidence(confidence, correct)
    assert formulas.maximum_calibration_error(result) == pytest.approx(0.48)
    assert formulas.expected_calibration_error(result) == pytest.approx(0.48)


def test_the_worst_bin_is_one_whose_gap_exceeds_chance(saved: LoadedRun) -> None:
    """One wrong image at 0.55 has a gap of 0.55, by chance; a hundred at 0.95 of which 60 are right have one of 0.35."""
    confidence = np.array([0.55] + [0.95] * 100)
    correct = np.array([False] + [True] * 60 + [False] * 40)
    bins = formulas.bin_by_confidence(confidence, correct)
    assert np.flatnonzero(calibration.find_clear_gaps(bins)).tolist() == [14]
    assert formulas.maximum_calibration_error(bins) == pytest.approx(0.55)
    labels = np.where(correct, 0, 1)
    result = Predictions("test", labels, np.stack([confidence, 1 - confidence], axis=1), np.arange(101))
    text = calibration.of_run(of_predictions(saved, result)).figures[0].text
    assert "Of the gaps that exceed chance, the largest is in the bin from 93.33% to 100.00%: confidence 95.00%, accuracy 60.00%, 100 images." in text
    few = Predictions("test", labels[:1], result.probabilities[:1], np.arange(1))
    assert "No bin has a gap that exceeds chance." in calibration.of_run(of_predictions(saved, few)).figures[0].text


def test_a_calibrated_network_has_a_bin_whose_gap_exceeds_chance_in_at_most_one_case_in_twenty() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        confidence = rng.uniform(0.5, 1, 600)
        found.append(calibration.find_clear_gaps(formulas.bin_by_confidence(confidence, rng.random(600) < confidence)).any())
    assert np.mean(found) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_chance_error_is_what_calibrated_answers_give_on_average() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 2000)
    drawn = [formulas.expected_calibration_error(formulas.bin_by_confidence(confidence, rng.random(2000) < confidence)) for _ in range(200)]
    assert formulas.chance_calibration_error(confidence) == pytest.approx(np.mean(drawn), rel=0.05)  # spread of the mean: 2%


def test_overconfidence_of_calibrated_answers_lies_within_its_error_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1, 400)
    result = [formulas.estimate_overconfidence(confidence, rng.random(400) < confidence) for _ in range(1000)]
    within = np.mean([abs(difference) <= 1.96 * error for difference, error in result])
    assert within == pytest.approx(0.95, abs=0.025)  # three standard errors of 1000 trials, and the larger of two errors


# Scores


@given(predictions(smallest=1))
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_scikit_learn(result: Predictions) -> None:
    classes = list(range(result.probabilities.shape[1]))
    expected = brier_score_loss(np.eye(len(classes), dtype=int)[result.labels], result.probabilities, scale_by_half=False)
    assert formulas.brier_score(result.labels, result.probabilities) == pytest.approx(expected, abs=1e-12)
    expected = log_loss(result.labels, result.probabilities, labels=classes)
    assert formulas.negative_log_likelihood(result.labels, result.probabilities) == pytest.approx(expected, rel=1e-12)


def test_a_probability_of_exactly_zero_counts_as_the_smallest_float32() -> None:
    result = formulas.negative_log_likelihood(np.array([0, 1]), np.eye(2)[[1, 1]])
    assert result == pytest.approx(149 * math.log(2) / 2)
    assert np.float32(formulas.MIN_PROBABILITY) > 0 == np.float32(formulas.MIN_PROBABILITY / 2)
    assert f"{formulas.negative_log_likelihood(np.array([0]), np.eye(2)[[0]]):.1f}" == "0.0"  # not "-0.0"
    assert formulas.brier_score(np.array([0, 1]), np.eye(2)[[1, 1]]) == 1


# Temperature


@given(predictions())
@settings(max_examples=40, deadline=None)
def test_the_temperature_is_the_one_that_scipy_finds(result: Predictions) -> None:
    def likelihood(log_temperature: float) -> float:
        return formulas.negative_log_likelihood(result.labels, apply_temperature(result.probabilities, math.exp(log_temperature)))

    fitted = fit_temperature(result.labels, result.probabilities)
    searched = minimize_scalar(likelihood, bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)), method="bounded", options={"xatol": 1e-8})
    assert MIN_TEMPERATURE <= fitted <= MAX_TEMPERATURE
    assert likelihood(math.log(fitted)) <= searched.fun + 1e-9
    if MIN_TEMPERATURE < fitted < MAX_TEMPERATURE:  # a minimum: on either side it is no better
        assert likelihood(math.log(fitted)) <= min(likelihood(math.log(fitted) + step) for step in (-1e-3, 1e-3)) + 1e-12


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 1.7, 5.0])
def test_a_temperature_that_was_applied_is_found_again(true_temperature: float) -> None:
    calibrated = synthetic(2, 0.7)
    distorted = apply_temperature(calibrated.probabilities, 1 / true_temperature)
    assert fit_temperature(calibrated.labels, distorted) == pytest.approx(true_temperature, rel=0.03)  # 20,000 images
    errors = [
        formulas.expected_calibration_error(formulas.bin_by_confidence(p.max(axis=1), p.argmax(axis=1) == calibrated.labels))
        for p in (apply_temperature(distorted, true_temperature), distorted)
    ]
    assert errors[0] < 2 * formulas.chance_calibration_error(calibrated.confidence) < 0.02
    assert true_temperature == 1 or errors[1] > 3 * errors[0]


@given(predictions(smallest=1), st.floats(0.1, 10), st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_temperatures_multiply_keep_the_predicted_class_and_sum_to_one(result: Predictions, first: float, second: float) -> None:
    before = result.probabilities.copy()
    np.testing.assert_allclose(apply_temperature(result.probabilities, 1.0), result.probabilities, atol=1e-12)
    scaled = apply_temperature(result.probabilities, first)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_allclose(scaled[np.arange(len(scaled)), result.predicted], scaled.max(axis=1))
    np.testing.assert_array_equal(result.probabilities, before)
    if first * second >= 0.1:  # sharper ones leave probabilities that floats cannot hold
        np.testing.assert_allclose(apply_temperature(scaled, second), apply_temperature(result.probabilities, first * second), atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "probabilities", "expected"),
    [
        ([0, 1], [[0.9, 0.1], [0.2, 0.8]], MIN_TEMPERATURE),  # every label is predicted: ever sharper
        ([0, 1], np.eye(2), MIN_TEMPERATURE),
        ([0], [[0.51, 0.49]], MIN_TEMPERATURE),
        ([1, 0], [[0.9, 0.1], [0.2, 0.8]], MAX_TEMPERATURE),  # none is: ever softer
        ([1], np.eye(2)[[0]], MAX_TEMPERATURE),
        ([0, 1, 2], np.full((3, 3), 1 / 3), 1.0),  # no temperature makes a difference
    ],
)
def test_without_a_minimum_the_temperature_is_the_end_that_it_runs_to(labels: list[int], probabilities: np.ndarray, expected: float) -> None:
    assert fit_temperature(np.array(labels), np.asarray(probabilities, float)) == expected


# Orders


@given(answers())
@settings(max_examples=50, deadline=None)
def test_a_threshold_accepts_all_images_of_at_least_its_confidence(given_answers: tuple[np.ndarray, np.ndarray]) -> None:
    confidence, correct = given_answers
    result = make_coverage_curve(confidence, correct)
    assert result.thresholds.tolist() == sorted(set(confidence.tolist()), reverse=True)
    for threshold, images, right in zip(result.thresholds, result.images, result.correct, strict=True):
        assert images == (confidence >= threshold).sum()
        assert right == correct[confidence >= threshold].sum()
    assert result.coverage[-1] == 1
    assert result.accuracy[-1] == pytest.approx(correct.mean())
    for percent in (1, 50, 80, 90, 95, 99, 100):
        place = result.find_place(percent)
        assert 100 * result.images[place] >= percent * len(confidence)
        assert place == 0 or 100 * result.images[place - 1] < percent * len(confidence)


@given(answers(), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_risk_coverage_area_is_the_mean_risk_over_images_in_any_order(given_answers: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    confidence, correct = given_answers
    risks = [1 - correct[confidence >= threshold].mean() for threshold in confidence]
    area = area_under_risk_coverage(make_coverage_curve(confidence, correct))
    assert area == pytest.approx(np.mean(risks), abs=1e-12)
    order = np.random.default_rng(seed).permutation(len(confidence))
    assert area_under_risk_coverage(make_coverage_curve(confidence[order], correct[order])) == area


def test_risk_coverage_area_of_distinct_confidences_is_that_of_the_sorted_prefixes() -> None:
    correct = np.array([True, True, False, True, False])
    area = area_under_risk_coverage(make_coverage_curve(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), correct))
    assert area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4 + 2 / 5) / 5)


@given(predictions())
@settings(max_examples=50, deadline=None)
def test_ranks_put_the_predicted_class_first_and_every_class_once(result: Predictions) -> None:
    classes = result.probabilities.shape[1]
    ranks = rank_labels(result.labels, result.probabilities)
    np.testing.assert_array_equal(ranks == 1, result.correct)
    every = np.stack([rank_labels(np.full(len(ranks), label), result.probabilities) for label in range(classes)])
    np.testing.assert_array_equal(np.sort(every, axis=0), np.tile(np.arange(1, classes + 1)[:, None], len(ranks)))


def test_top_k_is_that_of_scikit_learn_where_no_probabilities_are_alike(saved: LoadedRun) -> None:
    result = synthetic(3, 0.5, 500)
    table = top_k.of_run(of_predictions(saved, result)).tables[0].frame
    assert table.index.tolist() == [1, 2, 3, 4]
    for k, row in table.iterrows():
        assert row["top_k_accuracy"] == pytest.approx(top_k_accuracy_score(result.labels, result.probabilities, k=int(str(k))))
        assert row["low"] < row["top_k_accuracy"] < row["high"]


# What the sections say


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    return load_run(write_run(tmp_path_factory.mktemp("runs") / "run"), f"{HOSTILE} {'long ' * 30}")


def of_predictions(saved: LoadedRun, test: Predictions | None, validation: Predictions | None = None) -> LoadedRun:
    """A run with these predictions and no test.json."""
    run = replace(saved, test=None)
    parts = {"test": test, "validation": validation}
    vars(run).update({f"{split}_predictions": part and replace(part, split=split) for split, part in parts.items()})
    return run


@given(result=predictions(), fitted_on=st.none() | predictions())
@settings(max_examples=40, deadline=None)
def test_sentences_and_tables_agree_with_any_predictions(saved: LoadedRun, result: Predictions, fitted_on: Predictions | None) -> None:
    run = of_predictions(saved, result, fitted_on)
    ranks, calibrated, covered = (section.of_run(run) for section in SECTIONS)
    accuracy, confidence = result.correct.mean(), result.confidence.mean()
    assert ranks.tables[0].frame["top_k_accuracy"].iloc[0] == pytest.approx(accuracy)
    assert ranks.tables[0].frame["images"].is_monotonic_increasing
    assert len(ranks.tables[0].frame) == min(5, result.probabilities.shape[1] - 1)
    assert covered.tables[0].frame["accuracy"].iloc[-1] == pytest.approx(accuracy)
    assert (covered.tables[0].frame["coverage"] >= covered.tables[0].frame.index - 1e-12).all()
    said = calibrated.paragraphs[0]
    assert ("overconfident by" in said) <= (confidence > accuracy)
    assert ("underconfident by" in said) <= (confidence < accuracy)
    assert f"the mean confidence is {confidence:.2%} and the accuracy is {accuracy:.2%}" in said
    rows = calibrated.tables[0].frame
    assert ("after temperature" in rows.index) == (fitted_on is not None and "No temperature is applied" not in calibrated.paragraphs[2])
    for temperature_of_row, shown in zip(rows["temperature"], rows["accuracy"], strict=True):
        predicted = apply_temperature(result.probabilities, temperature_of_row).argmax(axis=1)
        assert shown == pytest.approx((predicted == result.labels).mean())
    assert calibrated.tables[1].frame["images"].sum() == len(result.labels)


@given(result=predictions(), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_order_of_images_in_the_file_is_of_no_account(saved: LoadedRun, result: Predictions, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(result.labels))
    shuffled = Predictions("test", result.labels[order], result.probabilities[order], result.indices[order])
    for section in SECTIONS:
        one, other = (section.of_run(of_predictions(saved, part, part)) for part in (result, shuffled))
        for first, second in zip(one.tables, other.tables, strict=True):
            np.testing.assert_allclose(
                first.frame.to_numpy(float, na_value=np.nan), second.frame.to_numpy(float, na_value=np.nan), rtol=1e-6, atol=1e-9
            )


def test_scores_before_and_after_are_of_the_judged_images_at_the_temperature_of_the_others(saved: LoadedRun) -> None:
    result, others = synthetic(6, 0.5, 600), synthetic(7, 0.5, 600)
    sharp = replace(others, probabilities=apply_temperature(others.probabilities, 0.5))
    rows = calibration.of_run(of_predictions(saved, result, sharp)).tables[0].frame
    fitted = fit_temperature(others.labels, sharp.probabilities)
    assert rows["temperature"].tolist() == [1, fitted]
    for name, probabilities in (("as trained", result.probabilities), ("after temperature", apply_temperature(result.probabilities, fitted))):
        confidence, row = probabilities.max(axis=1), rows.loc[name]
        bins = formulas.bin_by_confidence(confidence, result.correct)
        assert row["mean_confidence"] == pytest.approx(confidence.mean())
        assert row["expected_calibration_error"] == pytest.approx(formulas.expected_calibration_error(bins))
        assert row["maximum_calibration_error"] == pytest.approx(formulas.maximum_calibration_error(bins))
        assert row["by_chance"] == pytest.approx(formulas.chance_calibration_error(confidence))
        assert row["brier_score"] == pytest.approx(formulas.brier_score(result.labels, probabilities))
        assert row["negative_log_likelihood"] == pytest.approx(formulas.negative_log_likelihood(result.labels, probabilities))


def test_without_predictions_or_with_one_class_there_is_nothing_to_say(saved: LoadedRun) -> None:
    single = Predictions("test", np.zeros(3, int), np.ones((3, 1)), np.arange(3))
    for section in SECTIONS:
        assert section.of_run(of_predictions(saved, None)) == SectionContent()
        assert section.of_run(of_predictions(saved, single, single)) == SectionContent()


def test_a_temperature_fitted_on_the_judged_images_or_none_or_at_the_bound_is_said_to_be(saved: LoadedRun) -> None:
    result = synthetic(4, 0.5, 200)
    sharp = replace(result, probabilities=np.eye(5)[result.labels])
    same = calibration.of_run(of_predictions(saved, None, result))
    assert "fitted and judged on the same images" in same.paragraphs[2]
    assert "200 validation images" in same.paragraphs[0]
    assert "no validation predictions" in calibration.of_run(of_predictions(saved, result)).paragraphs[2]
    level = replace(sharp, probabilities=np.vstack([sharp.probabilities[1:], np.full(5, 0.2)]), labels=np.append(sharp.labels[1:], 1))
    assert not level.correct.all()
    assert (
        "as happens if no label is clearly less probable than the predicted class"
        in calibration.of_run(of_predictions(saved, result, level)).paragraphs[2]
    )
    at_bound = calibration.of_run(of_predictions(saved, result, sharp))
    assert "at the bound of the search (0.01), as happens if all predictions are correct" in at_bound.paragraphs[2]
    assert at_bound.tables[0].frame.index.tolist() == ["as trained"]
    fitted = calibration.of_run(of_predictions(saved, result, result)).paragraphs[2]
    assert "on the test images" in fitted
    assert "same images" not in fitted


def test_differences_within_their_error_are_not_claimed(saved: LoadedRun) -> None:
    few = Predictions("test", np.array([0, 0, 0]), np.tile([0.8, 0.2], (3, 1)), np.arange(3))  # all right, at 80%
    many = Predictions("test", np.zeros(300, int), np.tile([0.8, 0.2], (300, 1)), np.arange(300))
    assert "Bars without a hatched gap are calibrated." in calibration.of_run(of_predictions(saved, few)).figures[0].caption
    assert "neither over- nor underconfidence is shown" in calibration.of_run(of_predictions(saved, few)).paragraphs[0]
    assert "underconfident by 20.00 percentage points (standard error 2.31)" in calibration.of_run(of_predictions(saved, many)).paragraphs[0]


def test_ties_and_zeros_that_a_number_hangs_on_are_counted(saved: LoadedRun) -> None:
    result = Predictions("test", np.array([0, 1, 2]), np.array([[0.4, 0.4, 0.2], [1, 0, 0], [0, 0.3, 0.7]]), np.arange(3))
    assert "For 2 images, another class is exactly as probable as the label." in top_k.of_run(of_predictions(saved, result)).tables[0].note
    certain = Predictions("validation", np.arange(10) // 9, np.eye(2)[np.zeros(10, int)], np.arange(10))
    content = calibration.of_run(of_predictions(saved, result, certain))
    assert "this is the probability of the label in 1 image" in content.tables[0].note
    assert "1 of those labels has" in content.paragraphs[2]


def test_thresholds_are_written_so_that_they_accept_what_the_row_says(saved: LoadedRun) -> None:
    result = synthetic(5, 0.02, 400)
    table = coverage.of_run(of_predictions(saved, result)).tables[0]
    for _, row in table.frame.iterrows():
        written = float(table.columns["confidence_at_least"].write(row["confidence_at_least"]))
        assert (result.confidence >= written).sum() >= row["images"]


SHAPES: dict[str, Callable[[], Predictions]] = {
    "one image": lambda: Predictions("test", np.array([1]), np.array([[0.2, 0.8]]), np.arange(1)),
    "certain and wrong": lambda: Predictions("test", np.array([1, 2, 0]), np.eye(3), np.arange(3)),
    "two thresholds": lambda: Predictions("test", np.array([1, 0]), np.array([[0.2, 0.8], [0.3, 0.7]]), np.arange(2)),
    "thousand classes": lambda: Predictions("test", np.arange(1000), np.random.default_rng(0).dirichlet(np.full(1000, 0.02), 1000), np.arange(1000)),
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_figures_are_drawn_whole_for_any_shape_of_predictions(shape: str, saved: LoadedRun) -> None:
    run = of_predictions(saved, SHAPES[shape]())
    drawings = [drawing for section in SECTIONS for drawing in section.of_run(run).figures]
    assert len(drawings) == (1 if shape in ("one image", "certain and wrong") else 2)  # one confidence makes no curve
    for drawing in drawings:
        with Image.open(io.BytesIO(render_figure(drawing.draw)[0])) as image:
            gray = np.asarray(image.convert("L"))
        assert (gray[:, [0, -1]] == 255).all()  # nothing runs over the sides
        assert (gray[[0, -1]] == 255).all()
