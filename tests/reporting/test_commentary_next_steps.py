"""Laws of the suggestions in the commentary: each is made exactly if there is evidence for it, and states this evidence."""

import math
import re

import numpy as np
import pandas
import pytest
from commentary_cases import FINISHED, NAN, RECIPE, clear_gains, gains_of, histories, history_of, is_clear, outcome_of
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, linregress

from kcifar.reporting.commentary.next_steps import suggest_fixes, suggest_seeds, suggest_tuning
from kcifar.reporting.commentary.progress import find_rise
from kcifar.reporting.page.columns import PERCENT
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import StatusFile

# Next steps


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=14), st.sampled_from([0.0, 0.01, 0.1]), st.sampled_from([None, 20, 5000]))
@example([0.5, 0.55, 0.6, 0.65], 0.0, 5000)
@example([0.5, 0.55, 0.6, 0.65], 0.0, 20)
@example([0.65, 0.6, 0.55, 0.5], 0.0, 5000)
def test_rising_means_a_slope_beyond_chance(noise: list[float], slope: float, images: int | None) -> None:
    values = [0.1 * value + slope * epoch for epoch, value in enumerate(noise)]
    window = min(5, len(values) // 2)
    result = find_rise(history_of(values), images)
    if window < 2:
        assert result is None
        return
    before, last = values[-2 * window : -window], values[-window:]
    assume(np.std(values[-2 * window :]) > 1e-6)
    line, rise = linregress(range(2 * window), values[-2 * window :]), np.mean(last) - np.mean(before)
    assume(abs(line.pvalue - 0.05) > 1e-6)
    assume(abs(rise - 0.002) > 1e-9)
    gained = max(0, round(rise * images)) if images else 10**6
    enough = gained > 5  # of six images, all gained, McNemar's p is 2 / 2^6
    assert (result is not None) == (line.pvalue < 0.05 and rise > 0.002 and enough)
    if result:
        assert result.epochs == window
        assert [result.before, result.last] == pytest.approx([np.mean(before), np.mean(last)])


def test_noise_is_called_a_rise_in_at_most_one_case_in_twenty() -> None:
    rng = np.random.default_rng(0)
    for epochs in (4, 7, 20):
        found = [find_rise(history_of(row), 5000) is not None for row in (rng.binomial(5000, 0.7, (500, epochs)) / 5000).tolist()]
        assert np.mean(found) <= 0.05


RISING = [0.5, 0.55, 0.6, 0.65]


def test_more_epochs_are_suggested_while_accuracy_rises_at_a_steady_rate() -> None:
    steady, falling = history_of(RISING), history_of(RISING, rates=[1e-3, 1e-3, 5e-4, 4e-4])
    halved = history_of(RISING, rates=[1e-3, 1e-3, 5e-4, 5e-4])
    expected = 'Give stage "s0" more epochs: validation accuracy was still rising, with a mean of 62.50% over the last 2 epochs and 52.50% over the 2 before.'
    assert all(expected in suggest_tuning(history, {}, 5000) for history in (steady, halved))
    assert not any("more epochs" in step for step in suggest_tuning(falling, {}, 5000))


def test_a_wide_gap_calls_for_regularization_and_low_accuracies_for_a_larger_network() -> None:
    wide = history_of([0.7] * 5, training=[0.8] * 4 + [0.9], val_loss=[0.8, 0.85, 0.9, 0.95, 1.0])
    assert suggest_tuning(wide, {}, 5000) == [
        "Try stronger augmentation or regularization: training accuracy is 20.00 points above validation accuracy in the last epoch, "
        "and validation loss rose from 0.8000 in epoch 1 to 1.0000."
    ]
    assert suggest_tuning(wide, {}, 5) == []
    low = history_of([0.7, 0.7], training=[0.7, 0.71])
    assert suggest_tuning(low, {}, 5000) == [
        "Try a larger network or longer training: training accuracy (71.00%) and validation accuracy (70.00%) are below 90% and within 2 points of each other."
    ]
    assert suggest_tuning(low, RECIPE, 5000) == []
    assert suggest_tuning(history_of([0.95, 0.95]), {}, 5000) == []


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from([10, 1000, 100_000]))
@example(history_of([0.5, 0.51, 0.52, 0.53, 0.54], lengths=(1, 4)), 10)
@example(history_of([0.5, 0.9, 0.9, 0.9, 0.9], lengths=(2, 3)), 100_000)
@example(history_of([0.5, 0.9, 0.9, 0.8, 0.8], lengths=(2, 3)), 100_000)
@example(history_of([0.9756, 0.9895, 0.9895, 0.9895], lengths=(2, 2)), 287)
def test_stages_are_shortened_only_where_they_lost_or_cannot_have_gained_a_point(history: pandas.DataFrame, images: int) -> None:
    text, gains = " ".join(suggest_tuning(history, {}, images)), gains_of(history)
    assume(not history["val_accuracy"].isna().all())
    clear, weak = clear_gains(gains, images), {}
    for number, (start, end, epochs) in enumerate(gains[1:], start=1):
        if math.isnan(end - start) or (find_rise(history, images) and number == len(gains) - 1):
            continue
        q, r = ((value * images + 1) / (images + 2) for value in (start, end))  # Agresti and Caffo 2000
        half = 1.959964 * math.sqrt((q * (1 - q) + r * (1 - r)) / (images + 2)) + abs((end - start) - (r - q))
        highest = float(f"{100 * (end - start + half):.2f}")
        assume(abs(highest - 1) > 0.011)
        if clear[number] and end < start:
            weak[f"s{number}"] = "Lower the learning rate of stage"
        elif epochs > 1 and highest < 1 and not clear[number]:
            weak[f"s{number}"] = "Shorten or remove stage"
    told = re.findall(r'(Lower the learning rate of stage|Shorten or remove stage) "(s\d)"', text)
    assert {name: what for what, name in told} == dict(list(weak.items())[:3])
    assert (f"The same applies to {len(weak) - 3} more stage" in text) == (len(weak) > 3)
    assert not re.search(r"(?<!\d)0\.00 points", text)


def test_what_is_said_of_weak_stages() -> None:
    flat = history_of([0.5, 0.9, 0.9, 0.9, 0.9], lengths=(2, 3))
    assert suggest_tuning(flat, {}, 100_000)[-1] == (
        'Shorten or remove stage "s1": with 100,000 images, its 3 epochs left validation accuracy where it was, and its gain is at most 0.26 points (95%).'
    )
    assert not any("Shorten" in step for step in suggest_tuning(flat, {}, 5000))  # there, it may have gained 1.18 points
    lost = history_of([0.5, 0.9, 0.9, 0.8, 0.8], lengths=(2, 3))
    assert (
        'Lower the learning rate of stage "s1" or remove the stage: its 3 epochs changed validation accuracy by -10.00 points, more than chance explains.'
        in suggest_tuning(lost, {}, 5000)
    )


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from([None, 20, 287, 5000]))
@example(history_of([0.5, 0.9, 0.6, 0.5, 0.6, 0.5]), 5000)
@example(history_of([*([0.5] * 16), 0.9, 0.5, 0.5, 0.5]), 5000)
@example(history_of([0.5, 0.9, 0.8999, 0.8999, 0.8999, 0.8999]), 5000)
@example(history_of([0.5, 0.9, 0.9, 0.9, 0.9, 0.9]), 5000)
def test_stopping_early_is_suggested_only_for_a_clear_fall_long_after_the_best_epoch(history: pandas.DataFrame, images: int | None) -> None:
    values = history["val_accuracy"].to_numpy()
    assume(not np.isnan(values).all())
    text = " ".join(suggest_tuning(history, {}, images))
    best, highest, last = int(np.nanargmax(values)) + 1, np.nanmax(values), values[-1]
    fell = np.isnan(last) or is_clear(last, highest, images, max(1, int((~np.isnan(values)).sum()) - 1))
    late = len(values) - best >= max(3, 0.2 * len(values)) and not find_rise(history, images)
    assert ("Use early stopping" in text) == (late and fell)
    if late and fell:
        found = (
            f'Use early stopping or "select: best": validation accuracy was highest ({highest:.2%}) in epoch {best} of {len(values)}; the last epoch '
        )
        assert found in text
        assert ("has no finite value" if np.isnan(last) else f"is {100 * (highest - last):.2f} points below, more than chance explains") in text


def test_what_a_recipe_already_has_is_not_suggested() -> None:
    history = history_of([0.5, 0.9, 0.6, 0.5, 0.6, 0.95 - 0.4])
    stopping = {"stages": [{"early_stopping": {"patience": 3}}]}
    assert 'Use "select: best":' in suggest_tuning(history, stopping, 5000)[-1]
    assert not any("Use" in step for step in suggest_tuning(history, stopping | {"select": "best"}, 5000))


def test_a_run_without_validation_is_told_to_have_one() -> None:
    (step,) = suggest_tuning(history_of([NAN, NAN], training=[0.5, 0.6]), {}, None)
    assert step.startswith("Set images aside for validation: there is no validation accuracy")


def test_what_broke_off_comes_first() -> None:
    failed = StatusFile(state="failed", reason="stage 's0', epoch 3, step 4: the loss is not finite (nan); the state after epoch 2 is kept")
    history = history_of([0.5, 0.6])
    assert suggest_fixes(history, failed, None, 9) == ["Lower the learning rate: training stopped because a value was not finite."]
    assert suggest_fixes(history_of([0.5, NAN, NAN], loss=[1, NAN, NAN]), FINISHED, None, 3) == [
        "Lower the learning rate: training loss has no finite value in epochs 2 and 3, at a learning rate of 1e-3 in the first of these."
    ]
    assert suggest_fixes(history, StatusFile(state="interrupted"), None, 9) == ["Resume training: 2 of 9 epochs are complete."]
    assert suggest_fixes(history, StatusFile(state="running"), None, 9) == []
    assert suggest_fixes(history, FINISHED, None, 2) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=9, max_size=9).filter(any))
@example([10, 0, 0, 10, 0, 0, 10, 0, 0])
@example([10, 0, 0, 0, 10, 0, 0, 0, 10])
def test_a_network_that_beats_no_constant_answer_is_told_so(cells: list[int]) -> None:
    matrix = np.array(cells).reshape(3, 3)
    most_common, right, images = matrix.sum(axis=1).max(), int(np.trace(matrix)), int(matrix.sum())
    low = binomtest(right, images).proportion_ci(method="wilson").low
    steps = suggest_fixes(history_of([0.5]), FINISHED, outcome_of(matrix.tolist()), 1)
    assert bool(steps) == (low <= most_common / images)
    assert not steps or f"starts at {low:.2%}, and always predicting the most common class would reach {most_common / images:.2%}" in steps[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 5000))
def test_one_seed_is_warned_of_with_the_binomial_difference(right: int, wrong: int) -> None:
    samples = right + wrong
    share = right / samples
    steps = suggest_seeds(EvaluationResult("test", samples, share, 1.0, [], None))
    smooth = (right + 1) / (samples + 2)  # Agresti and Caffo 2000: all right of a few is no certainty
    points = f"{100 * 1.959964 * math.sqrt(2 * smooth * (1 - smooth) / (samples + 2)):.2f}"
    assert bool(steps) == (points != "0.00")
    assert not steps or f"this run above or below one whose test accuracy differs by less than {points} points:" in steps[0]
    assert not steps or f"{samples:,} test image" in steps[0]
    assert not steps or PERCENT.write(share) in steps[0]
