"""Laws of the suggestions in the commentary: each is made exactly if there is evidence for it, and states this evidence."""

import math
import re

import numpy as np
import pandas
import pytest
from commentary_cases import FINISHED, NAN, RECIPE, alike, gains_of, histories, history_of, outcome_of
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_ind

from kcifar.reporting.commentary.next_steps import suggest_fixes, suggest_seeds, suggest_tuning
from kcifar.reporting.commentary.progress import find_rise
from kcifar.reporting.page.columns import PERCENT
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import StatusFile

# Next steps


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=14), st.sampled_from([0.0, 0.01, 0.1]))
@example([0.5, 0.55, 0.6, 0.65], 0.0)
@example([0.65, 0.6, 0.55, 0.5], 0.0)
def test_rising_means_two_standard_errors_of_welch(noise: list[float], slope: float) -> None:
    values = [0.1 * value + slope * epoch for epoch, value in enumerate(noise)]
    window = min(5, len(values) // 2)
    result = find_rise(history_of(values))
    if window < 2:
        assert result is None
        return
    before, last = values[-2 * window : -window], values[-window:]
    assume(min(np.std(before), np.std(last)) > 1e-6)
    statistic, rise = ttest_ind(last, before, equal_var=False).statistic, np.mean(last) - np.mean(before)
    assume(abs(statistic - 2) > 1e-6)
    assert (result is not None) == (statistic > 2 and rise > 0.002)
    if result:
        assert result.epochs == window
        assert [result.before, result.last] == pytest.approx([np.mean(before), np.mean(last)])


RISING = [0.5, 0.55, 0.6, 0.65]


def test_more_epochs_are_suggested_while_accuracy_rises_at_a_steady_rate() -> None:
    steady, falling = history_of(RISING), history_of(RISING, rates=[1e-3, 1e-3, 5e-4, 4e-4])
    halved = history_of(RISING, rates=[1e-3, 1e-3, 5e-4, 5e-4])
    expected = 'Give stage "s0" more epochs: validation accuracy was still rising, with a mean of 62.50% over the last 2 epochs and 52.50% over the 2 before.'
    assert all(expected in suggest_tuning(history, {}, 5000) for history in (steady, halved))
    assert not any("more epochs" in step for step in suggest_tuning(falling, {}, 5000))


def test_a_wide_gap_calls_for_regularization_and_low_accuracies_for_a_larger_network() -> None:
    wide = history_of([0.7, 0.7], training=[0.8, 0.9], val_loss=[0.8, 1.0])
    assert suggest_tuning(wide, {}, 5000) == [
        "Try stronger augmentation or regularization: training accuracy is 20.00 points above validation accuracy in the last epoch, "
        "and validation loss rose from 0.8000 in epoch 1 to 1.0000."
    ]
    low = history_of([0.7, 0.7], training=[0.7, 0.71])
    assert suggest_tuning(low, {}, 5000) == [
        "Try a larger network or longer training: training accuracy (71.00%) and validation accuracy (70.00%) are below 90% and within 2 points of each other."
    ]
    assert suggest_tuning(low, RECIPE, 5000) == []
    assert suggest_tuning(history_of([0.95, 0.95]), {}, 5000) == []


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from([10, 1000, 100_000]))
@example(history_of([0.5, 0.51, 0.52, 0.53, 0.54], lengths=(1, 4)), 10)
def test_stages_are_shortened_only_for_less_than_the_standard_error(history: pandas.DataFrame, images: int) -> None:
    text, gains = " ".join(suggest_tuning(history, {}, images)), gains_of(history)
    assume(not history["val_accuracy"].isna().all())
    weak = {}
    for number, (start, end, epochs) in enumerate(gains[1:], start=1):
        error = float(f"{100 * math.sqrt((start * (1 - start) + end * (1 - end)) / images):.2f}") if not math.isnan(start + end) else NAN
        gain = float(f"{100 * (end - start):.2f}") if not math.isnan(start + end) else NAN
        if -gain > error:
            weak[f"s{number}"] = f"Lower the learning rate of stage|{gain:+.2f}|a loss larger than|{error:.2f}"
        elif gain < error and epochs > 1 and not (find_rise(history) and number == len(gains) - 1):
            weak[f"s{number}"] = f"Shorten or remove stage|{gain:+.2f}|which is within|{error:.2f}"
    if find_rise(history):
        weak.pop(f"s{len(gains) - 1}", None)
    told = re.findall(
        r'(Lower the learning rate of stage|Shorten or remove stage) "(s\d)"(?: or remove the stage)?: '
        r"its \d epochs? changed validation accuracy by (\S+) points, "
        r"(a loss larger than|which is within) the standard error of such a difference \(([\d.]+) points",
        text,
    )
    zero = {"0.00": "+0.00"}
    assert {name: f"{what}|{zero.get(gain, gain)}|{than}|{error}" for what, name, gain, than, error in told} == {
        name: claim.replace("|-0.00|", "|+0.00|") for name, claim in list(weak.items())[:3]
    }
    assert (f"The same applies to {len(weak) - 3} more stage" in text) == (len(weak) > 3)


@settings(max_examples=60, deadline=None)
@given(histories())
@example(history_of([0.5, 0.9, 0.6, 0.5, 0.6, 0.5]))
@example(history_of([*([0.5] * 16), 0.9, 0.5, 0.5, 0.5]))
def test_stopping_early_is_suggested_long_after_the_best_epoch(history: pandas.DataFrame) -> None:
    values = history["val_accuracy"].to_numpy()
    assume(not np.isnan(values).all())
    text = " ".join(suggest_tuning(history, {}, None))
    best = int(np.nanargmax(values)) + 1
    late = len(values) - best >= max(3, 0.2 * len(values)) and not find_rise(history)
    assert ("Use early stopping" in text) == late
    if late:
        assert (
            f'Use early stopping or "select: best": validation accuracy was highest ({np.nanmax(values):.2%}) in epoch {best} of {len(values)};'
            in text
        )
        last = values[-1]
        behind = (
            "has no finite value"
            if np.isnan(last)
            else "is within 0.01"
            if alike(np.nanmax(values), last)
            else f"is {100 * (np.nanmax(values) - last):.2f} points below"
        )
        assert f"the last epoch {behind}" in text


def test_what_a_recipe_already_has_is_not_suggested() -> None:
    history = history_of([0.5, 0.9, 0.6, 0.5, 0.6, 0.95 - 0.4])
    stopping = {"stages": [{"early_stopping": {"patience": 3}}]}
    assert 'Use "select: best":' in suggest_tuning(history, stopping, None)[-1]
    assert not any("Use" in step for step in suggest_tuning(history, stopping | {"select": "best"}, None))


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
    points = f"{100 * 1.959964 * math.sqrt(2 * share * (1 - share) / samples):.2f}"
    assert bool(steps) == (points != "0.00")
    assert not steps or f"this run above or below one whose test accuracy differs by less than {points} points:" in steps[0]
    assert not steps or f"{samples:,} test image" in steps[0]
    assert not steps or PERCENT.write(share) in steps[0]
