"""What a next run should try; each suggestion names its evidence, and there is none without."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from kcifar.reporting.commentary.generalization_gap import last_accuracies, loss_rise
from kcifar.reporting.commentary.recipe_facts import mixes_images, stage_setting
from kcifar.reporting.commentary.stages import StageGain, stage_gains
from kcifar.reporting.commentary.standard_error import difference_error
from kcifar.reporting.commentary.trend import Rise, still_rising
from kcifar.reporting.commentary.wording import MAX_NAMED, are_alike, change, counted, in_points, listed, size
from kcifar.reporting.page.columns import LEARNING_RATE, LOSS, SHARE
from kcifar.reporting.stats.intervals import BY_CHANCE, interval_of_share
from kcifar.runs.evaluation_result import Outcome
from kcifar.runs.schemas import Status

_LATE_EPOCHS, _LATE_SHARE = 3, 0.2  # epochs without anything better, in number and as a share of all, from which on training was too long


def suggest_mending(history: pandas.DataFrame, status: Status, outcome: Outcome | None, planned_epochs: int) -> list[str]:
    """Return what must be seen to before anything is tuned: a training that broke off, or learnt nothing.

    Args:
        history: The run's completed epochs.
        status: How far it came.
        outcome: Result on test or validation, or None.
        planned_epochs: Of all stages.
    """
    return (_lower_rate(history, status) or _resume(history, status, planned_epochs)) + (_look_at_the_data(outcome) if outcome else [])


def suggest_tuning(history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None) -> list[str]:
    """Return what a finished training gives ground to change.

    Args:
        history: The run's epochs.
        settings: The resolved recipe.
        validation_images: How many there are, or None while unknown.
    """
    if history["val_accuracy"].isna().all():
        return ["Set images aside for validation: there is no validation accuracy, so neither overfitting nor the best epoch can be seen."]
    rise, gains = still_rising(history), stage_gains(history)
    if rise:
        return [
            _train_longer(rise, gains[-1]),
            *_regularise(history, validation_images),
            *_enlarge(history, settings),
            *_shorten(gains[1:-1], validation_images),
        ]
    return [
        *_regularise(history, validation_images),
        *_enlarge(history, settings),
        *_shorten(gains[1:], validation_images),
        *_stop_early(history, settings),
    ]


def suggest_seeds(outcome: Outcome) -> list[str]:
    """Say below which difference one seed says nothing."""
    by_chance = BY_CHANCE * difference_error(outcome.accuracy, outcome.accuracy, outcome.samples)
    if not in_points(by_chance):
        return []
    advice = f"Train with more seeds before taking a run whose {outcome.split} accuracy differs by less than {size(by_chance)} for better or worse"
    images = counted(outcome.samples, f"{outcome.split} image")
    alike = f"two networks that are right on {SHARE.write(outcome.accuracy)} may differ by as much (binomial, 95%)"
    return [f"{advice}: this is one seed, and by the choice of {images} alone {alike}."]


def _lower_rate(history: pandas.DataFrame, status: Status) -> list[str]:
    rows = history[history["loss"].isna()]
    if rows.empty:
        stopped = status.state == "failed" and "not finite" in (status.reason or "")
        return ["Lower the learning rate: training stopped at a value that is not finite."] if stopped else []
    epochs, rate = [f"{epoch:,}" for epoch in rows["epoch"]], float(rows["learning_rate"].iloc[0])
    at = "" if math.isnan(rate) else f", at a learning rate of {LEARNING_RATE.write(rate)}{' in the first of them' * (len(epochs) > 1)}"
    return [f"Lower the learning rate: training loss has no finite value in epoch{'s' * (len(epochs) > 1)} {listed(epochs)}{at}."]


def _resume(history: pandas.DataFrame, status: Status, planned_epochs: int) -> list[str]:
    if status.state not in ("interrupted", "failed") or len(history) >= planned_epochs:
        return []
    return [f"Resume the training: {len(history):,} of {counted(planned_epochs, 'epoch')} are done."]


def _look_at_the_data(outcome: Outcome) -> list[str]:
    """Say so where always calling the commonest class would do as well."""
    commonest = max((result.support for result in outcome.classes), default=0) / outcome.samples
    low, _ = interval_of_share(outcome.accuracy, outcome.samples)
    if len(outcome.classes) < 2 or low > commonest:
        return []
    interval = f"the 95% interval of the accuracy begins at {SHARE.write(low)}"
    return [
        f"Look at the learning rate and the data before anything else: {interval}, "
        f"and calling every image by the commonest class would reach {SHARE.write(commonest)}."
    ]


def _train_longer(rise: Rise, stage: StageGain) -> str:
    means = f"its mean is {SHARE.write(rise.last)} over the last {rise.epochs} epochs and {SHARE.write(rise.before)} over the {rise.epochs} before"
    return f"Give stage {stage.label} more epochs: validation accuracy was still rising, {means}."


def _regularise(history: pandas.DataFrame, validation_images: int | None) -> list[str]:
    found, rise = last_accuracies(history), loss_rise(history)
    if found is None or not found.are_far_apart(validation_images):
        return []
    also = f", and validation loss rose from {LOSS.write(rise.lowest)} in epoch {rise.epoch:,} to {LOSS.write(rise.last)}" if rise else ""
    return [f"Try stronger augmentation or regularisation: training accuracy is {size(found.gap)} above validation accuracy in the last epoch{also}."]


def _enlarge(history: pandas.DataFrame, settings: Mapping[str, Any]) -> list[str]:
    """Suggest more capacity, but not where blended targets keep training accuracy low."""
    found = last_accuracies(history)
    if found is None or not found.are_low_and_near or mixes_images(settings, int(history["stage_index"].iloc[-1])):
        return []
    evidence = f"training accuracy ({SHARE.write(found.training)}) and validation accuracy ({SHARE.write(found.validation)}) are {found.both}"
    return [f"Try a larger network or a longer training: {evidence}."]


def _shorten(stages: Sequence[StageGain], images: int | None) -> list[str]:
    """Name stages that gained less than the standard error of a difference, or lost more than it."""
    if not images:
        return []
    weak = [stage for stage in stages if stage.is_known and (_lost(stage, images) or (stage.epochs > 1 and _gained_little(stage, images)))]
    more = len(weak) - MAX_NAMED
    return [_shortened(stage, images) for stage in weak[:MAX_NAMED]] + ([f"So with {counted(more, 'more stage')}."] if more > 0 else [])


def _error(stage: StageGain, images: int) -> float:
    return difference_error(stage.start, stage.end, images)


def _lost(stage: StageGain, images: int) -> bool:
    return -in_points(stage.gain) > in_points(_error(stage, images))


def _gained_little(stage: StageGain, images: int) -> bool:
    return in_points(stage.gain) < in_points(_error(stage, images))


def _shortened(stage: StageGain, images: int) -> str:
    error = f"the standard error of such a difference over {counted(images, 'image')} ({size(_error(stage, images))})"
    changed = f"its {counted(stage.epochs, 'epoch')} changed validation accuracy by {change(stage.gain)}"
    if _lost(stage, images):
        return f"Lower the rate of stage {stage.label} or leave it out: {changed}, a loss of more than {error}."
    return f"Shorten stage {stage.label} or leave it out: {changed}, {'a loss' if in_points(stage.gain) < 0 else 'a gain'} of less than {error}."


def _stop_early(history: pandas.DataFrame, settings: Mapping[str, Any]) -> list[str]:
    """Suggest what keeps the best epoch, where it lies long before the last one and the recipe does not keep it yet."""
    accuracy = history["val_accuracy"].tolist()
    highest = max(value for value in accuracy if not math.isnan(value))
    stopping = stage_setting(settings, int(history["stage_index"].iloc[-1]), "early_stopping") is not None
    means = ["early stopping"] * (not stopping) + ['"select: best"'] * (settings.get("select") != "best")
    best, count = accuracy.index(highest) + 1, len(accuracy)
    if not means or count - best < max(_LATE_EPOCHS, _LATE_SHARE * count):
        return []
    evidence = f"validation accuracy was highest, {SHARE.write(highest)}, in epoch {best:,} of {count:,}"
    return [f"Use {' or '.join(means)}: {evidence}; the last one {_behind(accuracy[-1], highest)}."]


def _behind(last: float, highest: float) -> str:
    if math.isnan(last):
        return "has no finite value"
    return "is within 0.01 points of that" if are_alike(last, highest) else f"has {size(highest - last)} less"
