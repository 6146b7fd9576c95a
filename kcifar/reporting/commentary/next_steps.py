"""Suggestions for the next run; each states its evidence, and none is made without evidence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from kcifar.reporting.analysis.claims import Claim
from kcifar.reporting.analysis.stages import StageGain, claim_gains, compute_stage_gains
from kcifar.reporting.commentary.generalization_gap import (
    FEW_UPDATES,
    UNKNOWN,
    Conditions,
    LastAccuracies,
    find_loss_rise,
    read_last_accuracies,
)
from kcifar.reporting.commentary.progress import Rise, find_peak, find_rise
from kcifar.reporting.commentary.recipe_facts import mixes_images, read_stage_setting
from kcifar.reporting.commentary.wording import MAX_NAMED, count_noun, join_labels, write_change, write_size
from kcifar.reporting.page.columns import LEARNING_RATE, LOSS, PERCENT, round_points
from kcifar.reporting.stats.intervals import binomial_half_width, compute_fraction_interval
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import StatusFile

_WORTH = 0.01  # of accuracy: a stage that cannot have gained as much may be shortened
_LATE_EPOCHS, _LATE_FRACTION = 3, 0.2  # training was too long if this many epochs, and this fraction of all, brought no improvement


def suggest_fixes(history: pandas.DataFrame, status: StatusFile, evaluation: EvaluationResult | None, planned_epochs: int) -> list[str]:
    """Suggest what to fix before tuning anything: a training that did not complete, or that learned nothing.

    Args:
        history: The run's completed epochs.
        status: How the run ended.
        evaluation: Result on the test or validation split, or None.
        planned_epochs: Number over all stages.
    """
    return (_lower_rate(history, status) or _resume(history, status, planned_epochs)) + (_check_data(evaluation) if evaluation else [])


def suggest_tuning(
    history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None, conditions: Conditions = UNKNOWN
) -> list[str]:
    """Suggest changes for which a finished training provides evidence.

    Args:
        history: The run's epochs.
        settings: The resolved recipe.
        validation_images: Their number, or None if unknown.
        conditions: How training accuracy was measured.
    """
    if history["val_accuracy"].isna().all():
        return ["Set images aside for validation: there is no validation accuracy, so neither overfitting nor the best epoch can be detected."]
    accuracies = read_last_accuracies(history, settings, validation_images, conditions)
    rise, gains = find_rise(history, validation_images), compute_stage_gains(history)
    stages = list(zip(gains, claim_gains(gains, validation_images), strict=True))
    judged = stages[1:-1] if rise else stages[1:]
    return [
        *([_train_longer(rise, gains[-1])] if rise else []),
        *(_regularize(history, accuracies) if accuracies else []),
        *(_enlarge(history, settings, accuracies) if accuracies else []),
        *_shorten(judged, validation_images),
        *([] if rise else _stop_early(history, settings, validation_images)),
    ]


def suggest_seeds(evaluation: EvaluationResult) -> list[str]:
    """State the difference below which a comparison of single seeds says nothing."""
    by_chance = binomial_half_width(evaluation.accuracy, evaluation.samples, evaluation.accuracy, evaluation.samples)
    if not round_points(by_chance):
        return []
    rival = f"one whose {evaluation.split} accuracy differs by less than {write_size(by_chance)}"
    images = count_noun(evaluation.samples, f"{evaluation.split} image")
    alike = f"two networks with an accuracy of {PERCENT.write(evaluation.accuracy)} may differ by as much (binomial, 95%)"
    reason = f"this is a single seed, and through the choice of {images} alone, {alike}"
    return [f"Train with more seeds before ranking this run above or below {rival}: {reason}."]


def _lower_rate(history: pandas.DataFrame, status: StatusFile) -> list[str]:
    rows = history[history["loss"].isna()]
    if rows.empty:
        stopped = status.state == "failed" and "not finite" in (status.reason or "")
        return ["Lower the learning rate: training stopped because a value was not finite."] if stopped else []
    epochs, rate = [f"{epoch:,}" for epoch in rows["epoch"]], float(rows["learning_rate"].iloc[0])
    at = "" if math.isnan(rate) else f", at a learning rate of {LEARNING_RATE.write(rate)}{' in the first of these' * (len(epochs) > 1)}"
    return [f"Lower the learning rate: training loss has no finite value in epoch{'s' * (len(epochs) > 1)} {join_labels(epochs)}{at}."]


def _resume(history: pandas.DataFrame, status: StatusFile, planned_epochs: int) -> list[str]:
    if status.state not in ("interrupted", "failed") or len(history) >= planned_epochs:
        return []
    return [f"Resume training: {len(history):,} of {count_noun(planned_epochs, 'epoch')} are complete."]


def _check_data(evaluation: EvaluationResult) -> list[str]:
    """Suggest a check if always predicting the most common class would do as well."""
    most_common = max((result.support for result in evaluation.classes), default=0) / evaluation.samples
    low, _ = compute_fraction_interval(evaluation.accuracy, evaluation.samples)
    if len(evaluation.classes) < 2 or low > most_common:
        return []
    interval = f"the 95% interval of the accuracy starts at {PERCENT.write(low)}"
    return [
        f"Check the learning rate and the data before anything else: {interval}, "
        f"and always predicting the most common class would reach {PERCENT.write(most_common)}."
    ]


def _train_longer(rise: Rise, stage: StageGain) -> str:
    means = f"{PERCENT.write(rise.last)} over the last {rise.epochs} epochs and {PERCENT.write(rise.before)} over the {rise.epochs} before"
    return f"Give stage {stage.label} more epochs: validation accuracy was still rising, with a mean of {means}."


def _regularize(history: pandas.DataFrame, accuracies: LastAccuracies) -> list[str]:
    """Suggest regularization for a gap, or longer training where the gap may be one of averages that have not settled."""
    rise = find_loss_rise(history)
    if not accuracies.are_far_apart:
        return []
    if accuracies.unsettled:
        return [f"Train longer: with fewer than {FEW_UPDATES} updates, the averages of batch normalization may not have settled."]
    loss = f", and validation loss rose from {LOSS.write(rise.lowest)} in epoch {rise.epoch:,} to {LOSS.write(rise.last)}" if rise else ""
    evidence = f"training accuracy is {write_size(accuracies.gap)} above validation accuracy in the last epoch{loss}"
    return [f"Try stronger augmentation or regularization: {evidence}."]


def _enlarge(history: pandas.DataFrame, settings: Mapping[str, Any], accuracies: LastAccuracies) -> list[str]:
    """Suggest more capacity, unless mixed images and targets keep training accuracy low."""
    if not accuracies.are_low_and_near or mixes_images(settings, int(history["stage_index"].iloc[-1])):
        return []
    training, validation = PERCENT.write(accuracies.training), PERCENT.write(accuracies.validation)
    evidence = f"training accuracy ({training}) and validation accuracy ({validation}) are {accuracies.low_and_near}"
    return [f"Try a larger network or longer training: {evidence}."]


def _shorten(stages: Sequence[tuple[StageGain, Claim]], images: int | None) -> list[str]:
    """Name the stages that clearly lost accuracy, and those that cannot have gained as much as a point."""
    if not images:
        return []
    weak = [text for stage, claim in stages if stage.is_known and (text := _describe_weak_stage(stage, claim, images))]
    more = len(weak) - MAX_NAMED
    return weak[:MAX_NAMED] + ([f"The same applies to {count_noun(more, 'more stage')}."] if more > 0 else [])


def _describe_weak_stage(stage: StageGain, claim: Claim, images: int) -> str:
    """Return what to do about a stage that lost accuracy or gained none; "" without evidence for either."""
    change = f"changed validation accuracy by {write_change(stage.gain)}" if stage.is_change else "left validation accuracy where it was"
    changed = f"its {count_noun(stage.epochs, 'epoch')} {change}"
    if claim.holds and stage.gain < 0:
        return f"Lower the learning rate of stage {stage.label} or remove the stage: {changed}, more than chance explains."
    highest = stage.gain + binomial_half_width(stage.end, images, stage.start, images)
    if stage.epochs == 1 or round_points(highest) >= round_points(_WORTH) or claim.holds:
        return ""
    bound = "which is no gain (95%)" if round_points(highest) <= 0 else f"and its gain is at most {write_size(highest)} (95%)"
    return f"Shorten or remove stage {stage.label}: with {count_noun(images, 'image')}, {changed}, {bound}."


def _stop_early(history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None) -> list[str]:
    """Suggest a way to keep the best epoch, if accuracy clearly fell long before the end and the recipe does not keep it yet."""
    peak, count = find_peak(history, validation_images), len(history)
    stopping = read_stage_setting(settings, int(history["stage_index"].iloc[-1]), "early_stopping") is not None
    means = ["early stopping"] * (not stopping) + ['"select: best"'] * (settings.get("select") != "best")
    last = float(history["val_accuracy"].iloc[-1])
    if not means or count - peak.epoch < max(_LATE_EPOCHS, _LATE_FRACTION * count) or not (peak.fall.holds or math.isnan(last)):
        return []
    evidence = f"validation accuracy was highest ({PERCENT.write(peak.accuracy)}) in epoch {peak.epoch:,} of {count:,}"
    fell = "has no finite value" if math.isnan(last) else f"is {write_size(peak.fall.difference)} below, more than chance explains"
    return [f"Use {' or '.join(means)}: {evidence}; the last epoch {fell}."]
