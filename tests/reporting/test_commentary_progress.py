"""Laws of the commentary on progress, stages and the generalization gap: each sentence is checked against an independent computation."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas
import pytest
from commentary_cases import FINISHED, NAN, RECIPE, alike, clear_gains, gains_of, histories, history_of, is_clear
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from places import ROOT
from scipy.stats import binomtest, fisher_exact

from kcifar.core.number_format import write_rate
from kcifar.reporting.commentary.generalization_gap import Conditions, count_updates, describe_gap
from kcifar.reporting.commentary.next_steps import suggest_tuning
from kcifar.reporting.commentary.progress import describe_evaluation, describe_progress, describe_validation
from kcifar.reporting.commentary.recipe_facts import averages_weights, drops_units, find_augmentation_names, mixes_images
from kcifar.reporting.commentary.stages import describe_stages
from kcifar.reporting.page.columns import LOSS, POINTS
from kcifar.reporting.sections import commentary
from kcifar.runs import schemas as run_files
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import load_run
from kcifar.runs.schemas import PlannedStage, StatusFile

# Progress


IMAGES = st.sampled_from([None, 1, 20, 287, 5000, 100_000])


@settings(max_examples=80, deadline=None)
@given(histories(), IMAGES)
@example(history_of([0.9, 0.5]), 5000)
@example(history_of([0.9895, 0.9861]), 287)
@example(history_of([0.5, 0.6, 0.7, 0.914, 0.9, 0.9, 0.9]), 5000)  # p = 0.016, but the highest of seven
def test_last_and_highest_validation_accuracy_are_those_of_the_history(history: pandas.DataFrame, images: int | None) -> None:
    text, values = " ".join(describe_validation(history, images)), history["val_accuracy"].to_numpy()
    if np.isnan(values).all():
        assert text == "There is no validation accuracy."
        return
    best, last = np.nanmax(values), values[-1]
    epoch = int(np.nanargmax(values)) + 1
    assert f"Validation accuracy {'has no finite value' if np.isnan(last) else f'is {last:.2%}'}" in text
    where = re.search(r"its highest value(?: is (\S+%))?, in epoch (\d+)", text)
    assert (where is None) == (epoch == len(values))
    assert where is None or int(where[2]) == epoch
    assert where is None or where[1] == (f"{best:.2%}" if f"{best:.2%}" != f"{last:.2%}" else None)
    clear = where is not None and is_clear(last, best, images, max(1, int((~np.isnan(values)).sum()) - 1))
    assert ("a clear fall since" in text) == clear
    assert ("a difference that may be chance" in text) == (where is not None and bool(where[1]) and not np.isnan(last) and not clear)
    missing = [str(k + 1) for k in np.flatnonzero(np.isnan(values))]
    named = re.search(r"It has no finite value in epochs? ([^.]+)\.", text)
    assert bool(named) == bool(missing)
    assert named is None or re.findall(r"\d+", named[1])[: min(3, len(missing))] == missing[:3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 5000), st.sampled_from(["test", "validation"]))
def test_the_accuracy_has_its_interval_and_says_of_which_part(correct: int, wrong: int, split: str) -> None:
    samples = correct + wrong
    text = " ".join(describe_evaluation(EvaluationResult(split, samples, correct / samples, None, [], None), "last", None))
    interval = binomtest(correct, samples).proportion_ci(method="wilson")
    assert f"{correct / samples:.2%} (95% Wilson interval: {interval.low:.2%} to {interval.high:.2%})" in text
    assert f"{samples:,} {split} image" in text
    assert "a cross-entropy that is not finite" in text
    assert ("The test split was not evaluated." in text) == (split == "validation")


def test_what_was_evaluated_is_said() -> None:
    outcome = EvaluationResult("test", 200, 0.5, 0.25, [], None)
    views = run_files.ViewsResult(count=6, accuracy=0.625)
    assert describe_evaluation(None, "last", None) == ["The test split was not evaluated."]
    assert describe_evaluation(outcome, "best", views) == [
        "On the 200 test images, the network with the weights of its best epoch has an accuracy of 50.00% (95% Wilson interval: 43.14% to 56.86%) "
        "and a cross-entropy of 0.2500.",
        "With predictions averaged over 6 views of each image, its accuracy is 62.50%.",
    ]


@pytest.mark.parametrize(
    ("lengths", "status", "expected"),
    [
        ((2, 3), FINISHED, "Training completed all 5 epochs."),
        ((2, 1), FINISHED, 'Training finished after 3 of 5 planned epochs; early stopping ended stage "s1" after 1 of 3 epochs.'),
        ((2, 9), FINISHED, "Training finished after 11 epochs; 5 were planned."),
        ((2,), StatusFile(state="interrupted", reason="SIGTERM"), "Training was interrupted after 2 of 5 epochs (reason: SIGTERM)."),
        ((2,), StatusFile(state="failed", reason="a\nb"), "Training failed after 2 of 5 epochs (reason: a b)."),
        ((2,), StatusFile(state="running"), "Training was still running after 2 of 5 epochs."),
    ],
)
def test_how_far_a_run_came_is_said(lengths: tuple[int, ...], status: StatusFile, expected: str) -> None:
    planned = [PlannedStage(name="s0", epochs=2), PlannedStage(name="s1", epochs=3)]
    recipe = {"stages": [{"early_stopping": {"patience": 1}}, {"early_stopping": {"patience": 1}}]}
    history = history_of([0.5] * sum(lengths), lengths=lengths)
    assert describe_progress(history, planned, status, recipe) == [expected]
    if "early stopping" in expected:
        assert describe_progress(history, planned, status, {"stages": [recipe["stages"][0], {}]}) == [expected.split(";")[0] + "."]
    assert describe_progress(history_of([0.5]), [PlannedStage(name="s0", epochs=1)], FINISHED, {}) == ["Training completed its only epoch."]


# Stages


@settings(max_examples=80, deadline=None)
@given(histories(), IMAGES)
@example(history_of([0.5, 0.50001, 0.7, 0.9], lengths=(1, 1, 1, 1)), 5000)
@example(history_of([0.1, 0.12, 0.09], lengths=(2, 1)), 200)  # at chance level
def test_every_stage_is_told_what_its_rows_say_and_a_gain_only_beyond_chance(history: pandas.DataFrame, images: int | None) -> None:
    gains, text = gains_of(history), " ".join(describe_stages(history, images))
    if len(history) == 1 or history["val_accuracy"].isna().all():
        assert ("a single epoch" in text) == (len(history) == 1)
        assert "raised" not in text
        return
    unclear = []
    for number, ((start, end, epochs), clear) in enumerate(zip(gains, clear_gains(gains, images), strict=True)):
        sentence = re.search(
            rf'(Stage|In stage|The gain of stage) "s{number}" \((\d+) epochs?, learning rate 1e-3\),? ([^"]+?)\.(?= Stage| In| The| With| As|$)', text
        )
        assert sentence
        told = sentence[3]
        after = "" if number else " after its first epoch"
        assert int(sentence[2]) == (history["stage_index"] == number).sum()
        if not epochs:
            assert told == ("ended without a finite validation accuracy" if math.isnan(end) else f"ended at a validation accuracy of {end:.2%}")
        elif math.isnan(end - start):
            assert told == f"is unknown: validation accuracy has no finite value at its {'start' if math.isnan(start) else 'end'}"
        elif alike(start, end):
            assert told == f"left validation accuracy unchanged to within 0.01 points, at {end:.2%}"
        elif clear:
            verb = "raised" if end > start else "lowered"
            assert told == f"{verb} validation accuracy from {start:.2%}{after} to {end:.2%} ({POINTS.write(end - start)} points)"
        else:
            unclear.append(number)
            assert told == f"validation accuracy went from {start:.2%}{after} to {end:.2%} ({POINTS.write(end - start)} points)"
    caution = re.search(
        r"(?:With ([\d,]+) validation images?|As the number of validation images is unknown), the change in stages? ([^.]+) may be", text
    )
    assert bool(caution) == bool(unclear)
    if caution:
        assert caution[1] == (f"{images:,}" if images else None)
        assert re.findall(r'"s(\d)"', caution[2]) == [str(number) for number in unclear[:3]] or len(unclear) > 3


@settings(max_examples=80, deadline=None)
@given(histories() | histories(fewest_stages=5), IMAGES)
@example(history_of([0.2, 0.3, 0.6, 0.5, 0.5, 0.7, 0.75], lengths=(2, 1, 1, 1, 2)), 5000)
def test_the_stage_that_gained_most_per_epoch_did_so_beyond_chance(history: pandas.DataFrame, images: int | None) -> None:
    gains, text = gains_of(history), " ".join(describe_stages(history, images))
    result = re.search(r'Stage "s(\d)" gained the most per epoch: (\S+) points', text)
    assert bool(result) == ("gained the most" in text)
    if not result:
        return
    fastest, clear = int(result[1]), clear_gains(gains, images)
    known = {number: (end - start) / epochs for number, (start, end, epochs) in enumerate(gains) if epochs and not math.isnan(end - start)}
    assert known[fastest] == max(known.values())
    assert result[2] == POINTS.write(known[fastest])
    assert clear[fastest]
    assert images
    ends = [gains[0][0], *(end for _, end, _ in gains)]
    for other in known:
        if other != fastest:  # the variance of the difference, summed over the accuracies by their factors
            factors = np.zeros(len(ends))
            for number, sign in ((fastest, 1), (other, -1)):
                factors[[number, number + 1]] += np.array([-1, 1]) * sign / gains[number][2]
            smooth = (np.array(ends) * images + 1) / (images + 2)
            error = math.sqrt(np.nansum(factors**2 * smooth * (1 - smooth)) / images)
            assert (known[fastest] - known[other]) / error > 1.9599


def test_stages_by_hand() -> None:
    history = history_of([0.2, 0.3, 0.6, 0.5, 0.5, 0.7, 0.75], lengths=(2, 1, 1, 1, 2))
    assert describe_stages(history, 5000) == [
        "Across 5 stages, validation accuracy clearly rose in 3, clearly fell in 1 and changed by no more than chance in 1.",
        'Stage "s1" gained the most per epoch: +30.00 points.',
    ]
    assert describe_stages(history, 10) == ["Across 5 stages, validation accuracy changed by no more than chance in 5."]
    alike = history_of([0.5, 0.6, 0.7, 0.7, 0.7, 0.6], lengths=(2, 1, 1, 1, 1))
    assert describe_stages(alike, 5000) == [
        "Across 5 stages, validation accuracy clearly rose in 2, clearly fell in 1 and changed by no more than chance in 2."
    ]


@settings(max_examples=60, deadline=None)
@given(histories(fewest_stages=5), IMAGES)
def test_stages_that_are_too_many_to_tell_are_counted(history: pandas.DataFrame, images: int | None) -> None:
    gains, text = gains_of(history), " ".join(describe_stages(history, images))
    assume(not history["val_accuracy"].isna().all())
    kinds = [
        "compare" if not epochs or math.isnan(end - start) else "chance" if not clear else "rose" if end > start else "fell"
        for (start, end, epochs), clear in zip(gains, clear_gains(gains, images), strict=True)
    ]
    for kind, pattern in (
        ("rose", r"clearly rose in (\d+)"),
        ("fell", r"clearly fell in (\d+)"),
        ("chance", r"no more than chance in (\d+)"),
        ("compare", r"could not be compared in (\d+)"),
    ):
        result = re.search(pattern, text)
        assert (int(result[1]) if result else 0) == kinds.count(kind)


def test_without_validation_no_gain_is_told() -> None:
    history = history_of([NAN] * 3, training=[0.25, 0.5, 0.75])
    assert describe_stages(history, 5000) == [
        "Without validation accuracy, the gain of each stage is unknown.",
        "Training accuracy was 25.00% in the first epoch and 75.00% in the last.",
    ]


def test_the_rate_of_a_stage_is_told_from_its_first_epoch_to_its_last() -> None:
    (text,) = describe_stages(history_of([0.1, 0.2, 0.3], rates=[0.05, 0.02, 1e-4]), 5000)
    assert f"(3 epochs, learning rate {write_rate(0.05)} to {write_rate(1e-4)})" in text


# Generalization gap


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from([None, 20, 5000]))
@example(history_of([0.5], training=[0.51]), 20)
@example(history_of([0.5], training=[0.51]), 5000)
def test_the_gap_is_that_of_the_last_epoch(history: pandas.DataFrame, images: int | None) -> None:
    text, last = " ".join(describe_gap(history, {}, images)), history.iloc[-1]
    gap = last["accuracy"] - last["val_accuracy"]
    if history["val_accuracy"].isna().all():
        assert text == ""
    elif math.isnan(gap):
        assert "cannot be compared" in text
    elif alike(last["accuracy"], last["val_accuracy"]):
        assert f"training accuracy is {last['accuracy']:.2%}, within 0.01 points of validation accuracy ({last['val_accuracy']:.2%})" in text
    else:
        side = "above" if gap > 0 else "below"
        assert f"{last['accuracy']:.2%}, {100 * abs(gap):.2f} points {side} validation accuracy ({last['val_accuracy']:.2%})" in text
    if math.isnan(gap):
        return
    interval = binomtest(round(last["val_accuracy"] * images), images).proportion_ci(method="wilson") if images else None
    differ = images is not None and not alike(last["accuracy"], last["val_accuracy"])
    if images is not None and interval is not None:
        few = images * min(last["accuracy"], 1 - last["accuracy"]) < 5
        exact = binomtest(round(last["val_accuracy"] * images), images, last["accuracy"]).pvalue < 0.05
        differ = differ and (exact if few else not interval.low <= last["accuracy"] <= interval.high)
    assert ("may explain some or all of the difference" in text) == (gap < 0 and differ)
    assert ("the difference may be chance" in text) == (not differ and not alike(last["accuracy"], last["val_accuracy"]))
    assert ("points to overfitting" in text) == (round(100 * gap, 2) >= 5 and differ)
    low = round(100 * max(last["accuracy"], last["val_accuracy"]), 2) < 90
    excluded = interval is not None and round(100 * (last["accuracy"] - interval.low), 2) < 5
    assert ("points to underfitting" in text) == (low and abs(round(100 * gap, 2)) <= 2 and excluded)


def test_a_gap_of_few_training_images_passes_an_exact_test_or_is_called_chance() -> None:
    few = history_of([13 / 19], training=[69 / 78])
    assert fisher_exact([[69, 9], [13, 6]]).pvalue == pytest.approx(0.069, abs=5e-4)
    text = " ".join(describe_gap(few, {}, 19, Conditions(78)))
    assert "with 19 validation images, the difference may be chance" in text
    assert "overfitting" not in text
    assert suggest_tuning(few, {}, 19, Conditions(78)) == []
    assert "points to overfitting" in " ".join(describe_gap(few, {}, 1900, Conditions(7800)))


def test_a_gap_after_few_updates_of_batch_normalization_is_not_called_overfitting() -> None:
    for updates, seen in ((99, [64 * 66, 64 * 66 + 33 * 32]), (100, [64 * 66, 64 * 66 + 34 * 32])):  # two stages of different batch sizes
        history = history_of([0.5, 0.5], training=[0.9, 0.9], lengths=(1, 1)).assign(images_seen=seen)
        recipe = {"stages": [{"batch_size": 64}, {"batch_size": 32}]}
        assert count_updates(history, recipe) == updates
        text = " ".join(
            [*describe_gap(history, recipe, 5000, Conditions(4000, True)), *suggest_tuning(history, recipe, 5000, Conditions(4000, True))]
        )
        assert ("averages of batch normalization, with which validation is measured, may not have settled" in text) == (updates < 100)
        assert ("Train longer: with fewer than 100 updates" in text) == (updates < 100)
        assert ("points to overfitting" in text) == ("Try stronger augmentation" in text) == (updates >= 100)
        assert "points to overfitting" in " ".join(describe_gap(history, recipe, 5000, Conditions(4000)))  # without batch normalization
    assert count_updates(history_of([0.5]), {}) == math.inf


def test_the_commentary_knows_the_network_and_the_training_images_of_the_run() -> None:
    run = load_run(ROOT / "tests" / "fixtures" / "runs" / "finished", "a")
    assert run.dataset
    wide = run.history.assign(accuracy=0.9, val_accuracy=0.6)
    few = replace(run, history=wide.assign(images_seen=range(128, 128 * len(wide) + 1, 128)))
    assert "may not have settled: the gap does not show overfitting" in " ".join(commentary.of_run(few).paragraphs)
    many = replace(run, history=wide.assign(images_seen=range(12800, 12800 * len(wide) + 1, 12800)))
    assert "points to overfitting" in " ".join(commentary.of_run(many).paragraphs)
    small = replace(many, dataset=run.dataset.model_copy(update={"counts": {"train": 10, "validation": 5000}}))
    assert "overfitting" not in " ".join(commentary.of_run(small).paragraphs)


@settings(max_examples=60, deadline=None)
@given(histories())
@example(history_of([0.5] * 5, val_loss=[1.0, 0.5, 0.6, 0.7, 0.9], loss=[1.0, 0.8, 0.5, 0.4, 0.3]))
@example(history_of([0.5] * 3, val_loss=[1.0, 0.5, 0.9], loss=[1.0, 0.8, 0.3]))  # epochs differ by as much
def test_a_rise_of_validation_loss_is_told_from_its_lowest_value(history: pandas.DataFrame) -> None:
    text, losses = " ".join(describe_gap(history, {}, None)), history["val_loss"].to_numpy()
    assume(text and "cannot be compared" not in text)
    result = re.search(
        r"Validation loss was lowest in epoch (\d+) \((\S+)\) and ended at ([\d.]+)(?:, while training loss fell from (\S+) to ([\d.]+))?\.", text
    )
    known = losses[~np.isnan(losses)]
    step = np.median(np.abs(np.diff(known))) if len(known) > 1 else math.inf
    rise = losses[-1] - np.nanmin(losses) if len(known) else NAN
    assume(math.isnan(rise) or abs(rise - 3 * step) > 1e-9)
    rises = not np.isnan(rise) and rise > max(0.1 * np.nanmin(losses), 3 * step) and LOSS.write(losses[-1]) != LOSS.write(np.nanmin(losses))
    assert bool(result) == rises
    if result:
        row = int(np.nanargmin(losses))
        assert (int(result[1]), result[2], result[3]) == (row + 1, f"{losses[row]:.4f}", f"{losses[-1]:.4f}")
        first, last = history["loss"][row], history["loss"].iloc[-1]
        assert bool(result[4]) == (last < first and f"{first:.4f}" != f"{last:.4f}")
        assert not result[4] or (result[4], result[5]) == (f"{first:.4f}", f"{last:.4f}")


def test_how_training_accuracy_is_measured_is_said_as_the_recipe_has_it() -> None:
    below = " ".join(describe_gap(history_of([0.7, 0.8], training=[0.5, 0.6]), RECIPE, 5000))
    assert "measured on augmented images (horizontal_flip and one_of), with dropout and while the weights still change; validation" in below
    assert "after the epoch, on unmodified images and with averaged weights. This may explain some or all of the difference." in below
    above = " ".join(describe_gap(history_of([0.5, 0.6], training=[0.7, 0.8]), RECIPE, 5000))
    assert "Training accuracy is measured on augmented images (horizontal_flip and one_of) and with dropout, which may hide part of the gap." in above
    assert "underfitting" not in " ".join(describe_gap(history_of([0.5]), RECIPE, 5000))  # mixed images and targets keep training accuracy low


@pytest.mark.parametrize(
    "recipe", [{}, {"stages": 3, "model": 1}, {"stages": [5]}, {"stages": [{"augmentation": ["x", {}], "dropout_rate": "much"}]}]
)
def test_a_recipe_of_another_shape_says_nothing(recipe: Mapping[str, Any]) -> None:
    assert find_augmentation_names(recipe, 0) == []
    assert not any(says(recipe, 0) for says in (mixes_images, drops_units, averages_weights))


def test_a_stage_may_turn_the_dropout_of_the_network_off() -> None:
    assert drops_units(RECIPE, 0)
    assert not drops_units({"model": {"dropout_rate": 0.1}, "stages": [{"dropout_rate": 0.0}]}, 0)
    assert mixes_images(RECIPE, 0)
