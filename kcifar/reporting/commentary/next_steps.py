"""Suggestions for the next run; each states its evidence, and none is made without evidence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from kcifar.reporting.analysis.stages import StageGain, compute_stage_gains
from kcifar.reporting.commentary.generalization_gap import find_loss_rise, read_last_accuracies
from kcifar.reporting.commentary.progress import Rise, find_rise
from kcifar.reporting.commentary.recipe_facts import mixes_images, read_stage_setting
from kcifar.reporting.commentary.wording import MAX_NAMED, count_noun, join_labels, write_change, write_size
from kcifar.reporting.page.columns import LEARNING_RATE, LOSS, PERCENT, read_alike, round_points
from kcifar.reporting.stats.intervals import Z_95, compute_difference_error, compute_fraction_interval
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import StatusFile

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


def suggest_tuning(history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None) -> list[str]:
    """Suggest changes for which a finished training provides evidence.

    Args:
        history: The run's epochs.
        settings: The resolved recipe.
        validation_images: Their number, or None if unknown.
    """
    if history["val_accuracy"].isna().all():
        return ["Set images aside for validation: there is no validation accuracy, so neither overfitting nor the best epoch can be detected."]
    rise, gains = find_rise(history), compute_stage_gains(history)
    if rise:
        return [
            _train_longer(rise, gains[-1]),
            *_regularize(history, validation_images),
            *_enlarge(history, settings),
            *_shorten(gains[1:-1], validation_images),
        ]
    return [
        *_regularize(history, validation_images),
        *_enlarge(history, settings),
        *_shorten(gains[1:], validation_images),
        *_stop_early(history, settings),
    ]


def suggest_seeds(evaluation: EvaluationResult) -> list[str]:
    """State the difference below which a comparison of single seeds says nothing."""
    by_chance = Z_95 * compute_difference_error(evaluation.accuracy, evaluation.accuracy, evaluation.samples)
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


def _regularize(history: pandas.DataFrame, validation_images: int | None) -> list[str]:
    accuracies, rise = read_last_accuracies(history), find_loss_rise(history)
    if accuracies is None or not accuracies.are_far_apart(validation_images):
        return []
    loss = f", and validation loss rose from {LOSS.write(rise.lowest)} in epoch {rise.epoch:,} to {LOSS.write(rise.last)}" if rise else ""
    evidence = f"training accuracy is {write_size(accuracies.gap)} above validation accuracy in the last epoch{loss}"
    return [f"Try stronger augmentation or regularization: {evidence}."]


def _enlarge(history: pandas.DataFrame, settings: Mapping[str, Any]) -> list[str]:
    """Suggest more capacity, unless mixed images and targets keep training accuracy low."""
    accuracies = read_last_accuracies(history)
    if accuracies is None or not accuracies.are_low_and_near or mixes_images(settings, int(history["stage_index"].iloc[-1])):
        return []
    training, validation = PERCENT.write(accuracies.training), PERCENT.write(accuracies.validation)
    evidence = f"training accuracy ({training}) and validation accuracy ({validation}) are {accuracies.low_and_near}"
    return [f"Try a larger network or longer training: {evidence}."]


def _shorten(stages: Sequence[StageGain], images: int | None) -> list[str]:
    """Name the stages that gained less than the standard error of a difference, or lost more than it."""
    if not images:
        return []
    weak = [stage for stage in stages if stage.is_known and (_has_lost(stage, images) or (stage.epochs > 1 and _has_gained_little(stage, images)))]
    more = len(weak) - MAX_NAMED
    return [_describe_weak_stage(stage, images) for stage in weak[:MAX_NAMED]] + (
        [f"The same applies to {count_noun(more, 'more stage')}."] if more > 0 else []
    )


def _compute_error(stage: StageGain, images: int) -> float:
    return compute_difference_error(stage.start, stage.end, images)


def _has_lost(stage: StageGain, images: int) -> bool:
    return -round_points(stage.gain) > round_points(_compute_error(stage, images))


def _has_gained_little(stage: StageGain, images: int) -> bool:
    return round_points(stage.gain) < round_points(_compute_error(stage, images))


def _describe_weak_stage(stage: StageGain, images: int) -> str:
    error = f"the standard error of such a difference ({write_size(_compute_error(stage, images))} for {count_noun(images, 'image')})"
    changed = f"its {count_noun(stage.epochs, 'epoch')} changed validation accuracy by {write_change(stage.gain)}"
    if _has_lost(stage, images):
        return f"Lower the learning rate of stage {stage.label} or remove the stage: {changed}, a loss larger than {error}."
    return f"Shorten or remove stage {stage.label}: {changed}, which is within {error}."


def _stop_early(history: pandas.DataFrame, settings: Mapping[str, Any]) -> list[str]:
    """Suggest a way to keep the best epoch, if it is long before the last one and the recipe does not keep it yet."""
    accuracy = history["val_accuracy"].tolist()
    highest = max(value for value in accuracy if not math.isnan(value))
    stopping = read_stage_setting(settings, int(history["stage_index"].iloc[-1]), "early_stopping") is not None
    means = ["early stopping"] * (not stopping) + ['"select: best"'] * (settings.get("select") != "best")
    best, count = accuracy.index(highest) + 1, len(accuracy)
    if not means or count - best < max(_LATE_EPOCHS, _LATE_FRACTION * count):
        return []
    evidence = f"validation accuracy was highest ({PERCENT.write(highest)}) in epoch {best:,} of {count:,}"
    return [f"Use {' or '.join(means)}: {evidence}; the last epoch {_describe_last(accuracy[-1], highest)}."]


def _describe_last(last: float, highest: float) -> str:
    if math.isnan(last):
        return "has no finite value"
    return "is within 0.01 points of this value" if read_alike(last, highest) else f"is {write_size(highest - last)} below"
