"""The gain of each stage: validation accuracy from its start to its end."""

import math
from collections.abc import Sequence

import pandas

from kcifar.reporting.analysis.stages import StageGain, compute_stage_gains
from kcifar.reporting.commentary.wording import count_noun, find_extremes, join_labels, write_change
from kcifar.reporting.page.columns import LEARNING_RATE, PERCENT, POINTS, is_change
from kcifar.reporting.page.names import join_words

_MAX_DESCRIBED = 4  # stages described one by one


def describe_stages(history: pandas.DataFrame) -> list[str]:
    """State the validation accuracy that each stage gained, its learning rates, and which stage gained the most per epoch."""
    if len(history) == 1:
        return ["After a single epoch, there is no gain to report."]
    if history["val_accuracy"].isna().all():
        return ["Without validation accuracy, the gain of each stage is unknown.", *_describe_training(history)]
    gains = compute_stage_gains(history)
    return [*(map(_describe_stage, gains) if len(gains) <= _MAX_DESCRIBED else _summarize_gains(gains)), *_describe_fastest(gains)]


def _describe_training(history: pandas.DataFrame) -> list[str]:
    first, last = float(history["accuracy"].iloc[0]), float(history["accuracy"].iloc[-1])
    if math.isnan(first) or math.isnan(last):
        return []
    return [f"Training accuracy was {PERCENT.write(first)} in the first epoch and {PERCENT.write(last)} in the last."]


def _describe_stage(stage: StageGain) -> str:
    label = f"{stage.label} ({count_noun(stage.epochs, 'epoch')}{_write_rates(stage)})"
    if not stage.counted_epochs:
        reached = "without a finite validation accuracy" if math.isnan(stage.end) else f"at a validation accuracy of {PERCENT.write(stage.end)}"
        return f"Stage {label} ended {reached}."
    if math.isnan(stage.gain):
        place = "at its start" if math.isnan(stage.start) else "at its end"
        return f"The gain of stage {label} is unknown: validation accuracy has no finite value {place}."
    if not stage.is_change:
        return f"Stage {label} left validation accuracy unchanged to within 0.01 points, at {PERCENT.write(stage.end)}."
    verb = "raised" if stage.gain > 0 else "lowered"
    start = "" if stage.counted_epochs == stage.epochs else " after its first epoch"
    change = f"from {PERCENT.write(stage.start)}{start} to {PERCENT.write(stage.end)} ({write_change(stage.gain)})"
    return f"Stage {label} {verb} validation accuracy {change}."


def _write_rates(stage: StageGain) -> str:
    rates = [LEARNING_RATE.write(rate) for rate in (stage.first_rate, stage.last_rate) if not math.isnan(rate)]
    return f", learning rate {' to '.join(dict.fromkeys(rates))}" if rates else ""


def _summarize_gains(gains: Sequence[StageGain]) -> list[str]:
    """Count the stages that gained and lost, and name those that gained and lost the most."""
    known = {number: stage.gain for number, stage in enumerate(gains) if stage.is_known}
    raised, lowered = (sum(gains[number].is_change and (gain > 0) == up for number, gain in known.items()) for up in (True, False))
    counts = {
        "rose in": raised,
        "fell in": lowered,
        "stayed within 0.01 points in": len(known) - raised - lowered,
        "could not be compared in": len(gains) - len(known),
    }
    sentences = [f"Across {len(gains):,} stages, validation accuracy {join_words([f'{did} {count:,}' for did, count in counts.items() if count])}."]
    if known:
        highest, lowest = find_extremes(known, POINTS.write)
        sentences += [f"{_name_stages(gains, highest)} gained the most: {_write_gain(gains[highest[0]].gain, highest)}."] * (raised > 0)
        sentences += [f"{_name_stages(gains, lowest)} lost the most: {_write_gain(gains[lowest[0]].gain, lowest)}."] * (lowered > 0)
    return sentences


def _name_stages(gains: Sequence[StageGain], numbers: Sequence[int]) -> str:
    """Return the names of stages at the beginning of a sentence: 'Stage "a"', 'Stages "a" and "b"'."""
    return f"Stage{'s' * (len(numbers) > 1)} {join_labels([gains[number].label for number in numbers])}"


def _write_gain(gain: float, numbers: Sequence[int]) -> str:
    """Return a gain that stages have in common."""
    return write_change(gain) + " each" * (len(numbers) > 1)


def _describe_fastest(gains: Sequence[StageGain]) -> list[str]:
    """Name the stage that gained the most per epoch, if there are several and one gained."""
    rates = {number: stage.gain_per_epoch for number, stage in enumerate(gains) if stage.is_known}
    if len(rates) < 2:
        return []
    highest, _ = find_extremes(rates, POINTS.write)
    if not is_change(rates[highest[0]]) or rates[highest[0]] < 0 or not all(gains[number].is_change for number in highest):
        return []
    first = gains[0].counted_epochs
    basis = f" (over {'the one epoch' if first == 1 else f'the {first:,} epochs'} after its first)" if highest == [0] else ""
    return [f"{_name_stages(gains, highest)} gained the most per epoch: {_write_gain(rates[highest[0]], highest)}{basis}."]
