"""Laws of the commentary on classes, pairs and confidence: each name, order and number is checked against an independent computation."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commentary_cases import NAMES, outcome_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from run_folders import CASES, HOSTILE, Matrix, write_run
from scipy.stats import binomtest, chi2_contingency, fisher_exact
from sklearn.metrics import precision_recall_fscore_support

from kcifar.core.errors import one_line
from kcifar.reporting.commentary.classes import describe_classes
from kcifar.reporting.commentary.confidence import describe_confidence
from kcifar.reporting.commentary.confusions import count_clear_leaders, describe_confusions
from kcifar.reporting.commentary.wording import join_labels
from kcifar.reporting.page.columns import format_table
from kcifar.reporting.page.names import label_classes, label_stages
from kcifar.reporting.sections import calibration, classes, commentary
from kcifar.reporting.stats.calibration import estimate_overconfidence
from kcifar.reporting.stats.intervals import Z_95, compute_difference_error
from kcifar.runs import schemas as run_files
from kcifar.runs.arrays import Predictions
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import LoadedRun, load_run

# The printed results of the project that says "bird has the lowest recall": its table of classes, and the confusion matrix of a later pass.
TABLE = ((665, 447), (689, 245), (454, 413), (420, 742), (482, 483), (450, 311), (571, 212), (724, 690), (724, 364), (649, 265))
PRINTED_MATRIX = (
    (657, 37, 57, 25, 30, 7, 2, 28, 131, 26),
    (59, 694, 7, 10, 7, 3, 9, 31, 58, 122),
    (98, 7, 446, 110, 116, 51, 44, 85, 30, 13),
    (32, 15, 69, 403, 90, 189, 50, 97, 26, 29),
    (45, 7, 105, 99, 481, 23, 64, 155, 15, 6),
    (15, 4, 59, 215, 59, 444, 21, 156, 18, 9),
    (16, 11, 97, 165, 77, 9, 564, 25, 18, 18),
    (27, 4, 18, 59, 82, 34, 4, 746, 3, 23),
    (120, 53, 10, 26, 20, 2, 5, 19, 718, 27),
    (73, 98, 2, 25, 14, 4, 8, 46, 81, 649),
)


@st.composite
def matrices(draw: st.DrawFn) -> list[list[int]]:
    """Confusion matrices with ties, classes without images and classes that are never predicted."""
    count = draw(st.integers(2, 12))
    cells = st.integers(0, draw(st.sampled_from([1, 4, 1000])))
    matrix = np.array(draw(st.lists(cells, min_size=count**2, max_size=count**2))).reshape(count, count)
    ids = st.sets(st.integers(0, count - 1), max_size=count - 1)
    matrix[sorted(draw(ids))] = 0
    matrix[:, sorted(draw(ids))] = 0
    matrix[draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1))] += 1
    rows: list[list[int]] = matrix.tolist()
    return rows


def read_list(text: str, names: Sequence[str]) -> tuple[list[int], int]:
    """Return the named classes, and how many there are with those that are only counted."""
    parts = re.split(r", | and ", text)
    more = re.fullmatch(r"(\d+) more", parts[-1])
    named = [names.index(part) for part in (parts[:-1] if more else parts)]
    return named, len(named) + (int(more[1]) if more else 0)


def is_the_group(text: str, expected: Sequence[int]) -> bool:
    """Whether a list names the expected classes: the first three in order, the others counted."""
    named, count = read_list(text, NAMES)
    return named == list(expected)[:3] and count == len(expected)


# Classes


def measured(matrix: Matrix) -> dict[str, dict[int, float]]:
    """Recall, precision and F1 by scikit-learn, of the classes that have them."""
    counts = np.asarray(matrix)
    true, predicted = (np.repeat(ids.ravel(), counts.ravel()) for ids in np.indices(counts.shape))
    precision, recall, f1, support = precision_recall_fscore_support(true, predicted, labels=range(len(counts)), zero_division=np.nan)
    with_images = [k for k in range(len(counts)) if support[k]]
    return {
        "Recall": {k: recall[k] for k in with_images},
        "Precision": {k: p for k, p in enumerate(precision) if not np.isnan(p)},
        "F1": {k: f1[k] for k in with_images},
    }


def trials(matrix: Matrix) -> dict[str, dict[int, tuple[int, int]]]:
    """Successes and trials of each measure's proportion, by class: F1 is compared by tp / (tp + fp + fn), of which it is a function."""
    counts = np.asarray(matrix)
    right, images, predictions = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    sums = {"Recall": images, "Precision": predictions, "F1": images + predictions - right}
    return {name: {k: (int(right[k]), int(total[k])) for k in range(len(counts))} for name, total in sums.items()}


def differ(one: tuple[int, int], other: tuple[int, int], pairs: int) -> bool:
    """Whether two proportions differ by SciPy's tests, adjusted for the number of pairs, and are not written alike."""
    table = np.array([[successes, total - successes] for successes, total in (one, other)])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    p_value = fisher_exact(table).pvalue if expected.min() < 5 else chi2_contingency(table, correction=False).pvalue
    difference = one[0] / one[1] - other[0] / other[1]
    return bool(pairs * p_value < 0.05 and f"{100 * abs(difference):.2f}" != "0.00")


@settings(max_examples=50, deadline=None)
@given(matrices())
@example([[2, 1], [1, 2]])
@example([[0, 0, 0], [3, 0, 1], [0, 0, 0]])
@example(np.diag([3] * 12).tolist())
@example([[900, 100], [300, 700]])
@example([[0, 0, 0], [30, 60, 0], [40, 0, 90]])
def test_classes_are_ranked_as_by_scikit_learn_and_only_where_scipy_tells_them_apart(matrix: list[list[int]]) -> None:
    text = " ".join(describe_classes(outcome_of(matrix)))
    with_images = np.flatnonzero(np.asarray(matrix).sum(axis=1)).tolist()
    for measure, every in measured(matrix).items():
        values = {k: value for k, value in every.items() if k in with_images}
        if not values:
            assert measure not in text.replace("recall and F1", "")
            continue
        counts, pairs = trials(matrix)[measure], math.comb(len(values), 2)
        shown = {k: f"{value:.2%}" for k, value in values.items()}
        highest, lowest = (shown[pick(values, key=values.__getitem__)] for pick in (max, min))
        top, bottom = (pick(values, key=values.__getitem__) for pick in (max, min))
        if len(values) == 1:
            assert f"{measure} is defined for only one class, {NAMES[next(iter(values))]} ({highest})." in text
        elif highest == lowest:
            every_class = f"both {NAMES[min(values)]} and {NAMES[max(values)]}" if len(values) == 2 else f"each of {len(values)} classes"
            assert f"{measure} is {highest} for {every_class}." in text
        elif not differ(counts[top], counts[bottom], pairs):
            assert f"{measure} is {lowest} to {highest}; no two classes differ by more than chance." in text
        else:
            result = re.search(
                rf"{measure} is highest for ([^(]+) \((\S+%)( each)?\)(?:, not clearly lower for ([^.]+?),)? "
                r"and lowest for ([^(]+) \((\S+%)( each)?\)(?:, not clearly higher for ([^.]+))?\.",
                text,
            )
            assert result
            for names, value, each, near, end in ((*result.groups()[:4], top), (*result.groups()[4:], bottom)):
                group = [k for k in shown if shown[k] == shown[end]]
                assert value == shown[end]
                assert is_the_group(names, group)
                assert bool(each) == (len(group) > 1)
                unclear = [k for k in values if k not in group and not differ(counts[end], counts[k], pairs)]
                assert is_the_group(near, unclear) if near else not unclear


def test_a_class_without_images_is_ranked_in_nothing() -> None:
    text = " ".join(describe_classes(outcome_of([[0, 0, 0], [30, 60, 0], [40, 0, 90]])))
    assert re.findall(r"airplane", text.split("The network predicts")[0]) == []
    assert "Precision is 100.00% for both automobile and bird." in text
    assert "The network predicts too many images as airplane (+70) and too few as bird (-40) and automobile (-30)." in text
    assert "Without test images and therefore without recall and F1: airplane." in text


@settings(max_examples=50, deadline=None)
@given(matrices())
@example([[50, 0, 0], [9, 41, 0], [0, 1, 49]])
def test_classes_without_images_or_predictions_and_those_predicted_too_often_are_counted_right(matrix: list[list[int]]) -> None:
    text, counts = " ".join(describe_classes(outcome_of(matrix))), np.asarray(matrix)
    images, predictions = counts.sum(axis=1), counts.sum(axis=0)
    for pattern, per_class in ((r"without recall and F1: ([^.]+)\.", images), (r"without precision: ([^.]+)\.", predictions)):
        result = re.search(pattern, text)
        assert bool(result) == (not per_class.all())
        assert not result or is_the_group(result[1], np.flatnonzero(per_class == 0).tolist())
    more, fewer = predictions - np.diag(counts), images - np.diag(counts)
    adjusted = adjust_by_definition([binomtest(int(a), int(a + b)).pvalue if a + b else 1.0 for a, b in zip(more, fewer, strict=True)])
    clear = {k: int(more[k] - fewer[k]) for k in range(len(counts)) if adjusted[k] < 0.05}
    result = re.search(r"The network predicts ([^.]+)\.", text)
    assert bool(result) == bool(clear)
    if result:
        over, under = (sorted((k for k in clear if (clear[k] > 0) == up), key=lambda k: -abs(clear[k])) for up in (True, False))
        named = re.findall(r"(\w+) \(([+-][\d,]+)\)", result[1])
        assert named == [(NAMES[k], f"{clear[k]:+,}") for keys in (over, under) for k in keys[:3]]
        assert ("too many images as" in result[1], "too few" in result[1]) == (bool(over), bool(under))


def adjust_by_definition(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment, from its definition."""
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, (len(p_values) - rank) * p_values[k])
        adjusted[k] = min(1.0, highest)
    return adjusted


def test_the_printed_table_is_told_as_it_is() -> None:
    """Its own text calls bird the lowest recall, leaves horse out of the highest, and says that horse needs improvement."""
    results = [
        run_files.ClassResult(
            name=name,
            precision=tp / (tp + fp),
            recall=tp / 1000,
            f1=2 * tp / (1000 + tp + fp),
            support=1000,
            tp=tp,
            fp=fp,
            fn=1000 - tp,
            tn=9000 - fp,
        )
        for name, (tp, fp) in zip(NAMES, TABLE, strict=False)
    ]
    assert describe_classes(EvaluationResult("test", 10_000, 0.5828, 1.2, results, None)) == [
        "Recall is highest for horse and ship (72.40% each), not clearly lower for airplane and automobile, "
        "and lowest for cat (42.00%), not clearly higher for bird, deer and dog.",
        "Precision is highest for automobile (73.77%), not clearly lower for frog and truck, and lowest for cat (36.14%).",
        "F1 is highest for automobile (71.25%), not clearly lower for ship and truck, and lowest for cat (38.85%).",
        "The network predicts too many images as horse (+414), cat (+162), airplane (+112) and 1 more and too few as dog (-239), frog (-217), bird (-133) and 2 more.",
    ]


def test_the_printed_matrix_is_told_as_it_is() -> None:
    assert describe_confusions(outcome_of(PRINTED_MATRIX)) == [
        "4,198 of 10,000 test images were misclassified.",
        "The most frequently confused pair: cat and dog, 404 times (cat predicted as dog: 189, 18.90%; dog predicted as cat: 215, 21.50%).",
        "It accounts for 9.62% of all errors.",
    ]
    assert describe_classes(outcome_of(PRINTED_MATRIX))[0] == (
        "Recall is highest for horse (74.60%), not clearly lower for automobile and ship, and lowest for cat (40.30%), not clearly higher for bird and dog."
    )


def test_values_that_differ_but_are_written_alike_are_ties() -> None:
    matrix = [[70_000, 30_000, 0], [29_999, 70_001, 0], [0, 50_000, 50_000]]
    assert describe_classes(outcome_of(matrix))[0] == "Recall is highest for airplane and automobile (70.00% each) and lowest for bird (50.00%)."


def test_one_error_more_or_less_does_not_rank_classes() -> None:
    digits = np.diag([36] * 10)
    digits[5, 5], digits[5, 9] = 35, 1
    assert describe_classes(outcome_of(digits.tolist())) == [
        "Recall is 97.22% to 100.00%; no two classes differ by more than chance.",
        "Precision is 97.30% to 100.00%; no two classes differ by more than chance.",
        "F1 is 98.59% to 100.00%; no two classes differ by more than chance.",
    ]


def test_a_single_class_is_not_compared() -> None:
    assert describe_classes(outcome_of([[5]])) == ["There is only one class, so classes cannot be compared."]
    assert describe_confusions(outcome_of([[5]])) == []


# Pairs


@settings(max_examples=50, deadline=None)
@given(matrices())
@example([[5, 0], [0, 5]])
@example([[5, 1], [0, 5]])
@example([[5, 1, 1, 1], [0, 5, 1, 0], [0, 0, 5, 0], [0, 0, 0, 5]])
@example([[90, 40, 1, 30], [0, 50, 1, 0], [0, 0, 50, 2], [0, 0, 1, 50]])
def test_confused_pairs_are_named_where_they_are_clearly_the_most_frequent(matrix: list[list[int]]) -> None:
    text, counts = " ".join(describe_confusions(outcome_of(matrix))), np.asarray(matrix)
    wrong = int(counts.sum() - np.trace(counts))
    if not wrong:
        assert text == "No test image was misclassified."
        return
    assert text.startswith(f"{wrong:,} of {counts.sum():,} test image")
    pairs = {(a, b): counts[a, b] + counts[b, a] for a in range(len(counts)) for b in range(a + 1, len(counts)) if counts[a, b] + counts[b, a]}
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    numbers = [int(pairs[pair]) for pair in ranked] + [0]
    candidates = math.comb(len(counts), 2)
    clear = [k for k in (1, 2, 3) if k < len(numbers) and candidates * binomtest(numbers[k - 1], numbers[k - 1] + numbers[k]).pvalue < 0.05]
    expected = ranked if len(ranked) <= 3 else ranked[: max(clear, default=0)]
    shown = []
    for first, second, times, directions in re.findall(r"(\w+) and (\w+), (once|twice|[\d,]+ times) \(([^)]+)\)", text):
        a, b = NAMES.index(first), NAMES.index(second)
        shown.append((a, b))
        assert pairs[a, b] == int({"once": "1", "twice": "2"}.get(times) or times.split()[0].replace(",", ""))
        told = [
            f"{NAMES[i]} predicted as {NAMES[j]}: {counts[i, j]:,}, {counts[i, j] / counts[i].sum():.2%}" for i, j in ((a, b), (b, a)) if counts[i, j]
        ]
        assert directions == "; ".join(told)
    assert shown == expected
    assert ("none of them clearly more frequent than the others" in text) == (not expected)
    together = re.search(r"accounts? for (\S+%) of all errors", text)
    assert bool(together) == (len(pairs) > 3 and bool(expected))
    assert not together or together[1] == f"{sum(pairs[pair] for pair in shown) / wrong:.2%}"


def test_pairs_that_are_truly_confused_alike_are_named_in_at_most_one_case_in_twenty() -> None:
    rng = np.random.default_rng(0)
    counted = rng.multinomial(300, np.full(45, 1 / 45), 1000)
    named = np.mean([count_clear_leaders(sorted(row.tolist(), reverse=True), 45) > 0 for row in counted])
    assert named <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


# Confidence


def predictions(confidence: Sequence[float], right: Sequence[bool]) -> Predictions:
    """Two classes; the first is predicted for every image."""
    chosen = np.array(confidence)
    return Predictions("test", np.where(right, 0, 1), np.stack([chosen, 1 - chosen], axis=1), np.arange(len(chosen)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 50))
def test_confidence_is_described_as_too_high_or_low_only_beyond_chance(images: list[tuple[float, bool]], times: int) -> None:
    result = predictions([confidence for confidence, _ in images] * times, [right for _, right in images] * times)
    (text,) = describe_confidence(result, {}, 0)
    mean, accuracy = result.confidence.mean(), result.correct.mean()
    expected = np.sqrt(np.sum([c * (1 - c) for c in result.confidence])) / len(result.labels)
    deviation = max(expected, np.std(result.confidence - result.correct) / np.sqrt(len(result.labels)))
    assert f"is {mean:.2%}" in text
    if "within 0.01 points" in text:
        assert abs(mean - accuracy) <= 1.01e-4
        return
    number, side = re.search(r"([\d.]+) points (above|below) the accuracy of", text).groups()  # type: ignore[union-attr]
    assert (number, side) == (f"{100 * abs(mean - accuracy):.2f}", "above" if mean > accuracy else "below")
    verdict = "chance" if abs(mean - accuracy) <= 1.959964 * deviation else "overconfident" if mean > accuracy else "underconfident"
    assert [word for word in ("chance", "overconfident", "underconfident") if re.search(rf"\b{word}\b", text)] == [verdict]


@given(images=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_overconfidence_is_a_difference_of_means_and_its_error_the_larger_of_two(images: list[tuple[float, bool]]) -> None:
    """The second error is that of the number of right images, here from its distribution: image after image, by convolution."""
    confidence, right = np.array([value for value, _ in images]), np.array([is_right for _, is_right in images])
    difference, error = estimate_overconfidence(confidence, right)
    assert difference == pytest.approx(confidence.mean() - right.mean(), abs=1e-12)
    chances, number = np.ones(1), np.arange(len(images) + 1)
    for value in confidence:
        chances = np.convolve(chances, [1 - value, value])
    deviations = math.sqrt(chances @ (number - chances @ number) ** 2), np.std(confidence - right) * math.sqrt(len(images))
    assert error == pytest.approx(max(deviations) / len(images), abs=1e-9)


def calibration_says(saved: dict[str, LoadedRun], result: Predictions) -> str:
    run = replace(saved["three stages"], test=None)
    vars(run).update(test_predictions=result)
    return calibration.of_run(run).paragraphs[0]


@given(images=st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=40), times=st.integers(1, 60))
@example(images=[(0.999, True)] * 278 + [(0.999, False)] * 3, times=1)
@example(images=[(1.0, True), (1.0, False), (1.0, True)], times=1)
@example(images=[(0.500049, True), (0.5, False)], times=1)
@settings(max_examples=50, deadline=None)
def test_calibration_and_commentary_give_the_same_verdict(saved: dict[str, LoadedRun], images: list[tuple[float, bool]], times: int) -> None:
    result = predictions([confidence for confidence, _ in images] * times, [right for _, right in images] * times)
    difference, error = estimate_overconfidence(result.confidence, result.correct)
    verdict = "" if abs(difference) <= 1.959964 * error else "overconfident" if difference > 0 else "underconfident"
    for said in (calibration_says(saved, result), *describe_confidence(result, {}, 0)):
        expected = "" if "within 0.01 points" in said else verdict
        assert re.findall(r"(?:over|under)confident\b", said) == [expected] * bool(expected)


@pytest.mark.parametrize(
    ("stage", "cause"),
    [
        ({"loss": {"name": "categorical_crossentropy", "label_smoothing": 0.2}}, "label smoothing of 0.2 in its last stage"),
        ({"augmentation": [{"name": "cutmix"}]}, "mixed images in its last stage"),
        ({"loss": {"label_smoothing": 0.1}, "augmentation": [{"name": "mixup"}]}, "label smoothing of 0.1 and mixed images in its last stage"),
        ({"loss": {"name": "categorical_crossentropy", "label_smoothing": 0.0}}, None),
        ({"loss": "categorical_crossentropy"}, None),
    ],
)
def test_underconfidence_has_its_likely_cause(saved: dict[str, LoadedRun], stage: Mapping[str, Any], cause: str | None) -> None:
    under, over = predictions([0.8] * 500, [True] * 500), predictions([0.99] * 500, [False, True] * 250)
    expected = [f"A likely cause is the recipe: {cause} trains towards probabilities below 1."] if cause else []
    assert describe_confidence(under, {"stages": [{}, stage]}, 1)[1:] == expected
    assert describe_confidence(over, {"stages": [{}, stage]}, 1)[1:] == []
    assert describe_confidence(under, {"stages": [stage, {}]}, 1)[1:] == []  # not in the last stage
    run = replace(saved["three stages"], test=None, settings={"stages": [{}, {}, stage]})
    vars(run).update(test_predictions=under)
    assert ("A likely cause" in calibration.of_run(run).paragraphs[0]) == bool(expected)


def test_a_difference_that_is_written_as_none_is_not_claimed(saved: dict[str, LoadedRun]) -> None:
    result = predictions([0.99996] * 400_000, [True] * 400_000)
    difference, error = estimate_overconfidence(result.confidence, result.correct)
    assert difference < -Z_95 * error
    for said in (calibration_says(saved, result), *describe_confidence(result, {}, 0)):
        assert "within 0.01 points of the accuracy" in said
        assert "underconfident" not in said


def test_the_error_of_a_difference_gives_the_published_interval() -> None:
    """Newcombe 1998, table II, method 1, contrast (b): 9/10 less 3/10 is 0.6, from 0.2605 to 0.9395."""
    half_width = Z_95 * compute_difference_error(0.9, 0.3, 10)
    assert [round(0.6 - half_width, 4), round(0.6 + half_width, 4)] == [0.2605, 0.9395]


# Names, and whole runs


def test_names_are_told_apart_and_cannot_pass_for_the_sentence() -> None:
    assert label_classes(["cat", "5", "cat and dog", "great white shark", HOSTILE, ""]) == [
        "cat",
        '"5"',
        '"cat and dog"',
        "great white shark",
        f'"{one_line(HOSTILE, 40)}"',
        '""',
    ]
    assert label_classes(["cat", "dog", "cat"]) == ['"cat (label 0)"', "dog", '"cat (label 2)"']
    assert label_stages(["x" * 90, "x" * 80]) == [f'"{"x" * 39}… (stage 1)"', f'"{"x" * 39}… (stage 2)"']


def test_lists_name_three_and_count_the_others() -> None:
    assert [join_labels(list("abcde")[:count]) for count in (1, 2, 3, 5)] == ["a", "a and b", "a, b and c", "a, b, c and 2 more"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedRun]:
    folder = tmp_path_factory.mktemp("runs")
    return {case: load_run(write(folder / case), f"{case} {HOSTILE}") for case, write in CASES.items()}


def test_every_case_has_a_commentary_in_whole_sentences(saved: dict[str, LoadedRun]) -> None:
    for run in saved.values():
        paragraphs = commentary.of_run(run).paragraphs
        assert len(paragraphs) >= 2
        assert not commentary.of_run(run).tables
        for paragraph in paragraphs:
            assert paragraph == one_line(paragraph, 4000)
            assert paragraph.endswith(".")
            assert "nan" not in paragraph
            assert "None" not in paragraph


def test_fractions_in_the_commentary_on_classes_are_in_the_table_of_classes(saved: dict[str, LoadedRun]) -> None:
    run = saved["three stages"]
    (table,) = classes.of_run(run).tables
    cells = set(format_table(table.frame, table.columns).to_numpy().ravel())
    assert run.evaluation
    assert set(re.findall(r"[\d.]+%", " ".join(describe_classes(run.evaluation)))) <= cells


def test_many_classes_and_hostile_names_stay_short(tmp_path: Path) -> None:
    count = 300
    matrix = (np.eye(count, dtype=int) + np.eye(count, k=1, dtype=int)).tolist()
    run = load_run(write_run(tmp_path / "run", matrix=matrix, class_names=[f"{HOSTILE * 9} {k}" for k in range(count)]), "run")
    assert max(map(len, commentary.of_run(run).paragraphs)) < 2500


def test_a_run_with_nothing_but_a_history_is_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", arrays=False)
    for name in ("test.json", "dataset.json", "model.json", "environment.json"):
        (folder / name).unlink()
    reached, stages, *_ = commentary.of_run(load_run(folder, "run")).paragraphs
    assert "The test split was not evaluated." in reached
    assert 'In stage "refine"' in stages
    assert "As the number of validation images is unknown, the change in stages" in stages
