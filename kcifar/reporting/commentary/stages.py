"""Which stage gained what: validation accuracy from its beginning to its end."""

import math
from collections.abc import Sequence

import pandas

from kcifar.reporting.analysis.stages import StageGain, compute_stage_gains
from kcifar.reporting.commentary.wording import count_noun, find_extremes, join_labels, write_change
from kcifar.reporting.page.columns import LEARNING_RATE, PERCENT, POINTS, is_change
from kcifar.reporting.page.names import join_words

_MAX_TOLD = 4  # stages told one by one


def describe_stages(history: pandas.DataFrame) -> list[str]:
    """Say what each stage gained on validation, at which rate, and which gained most an epoch."""
    if len(history) == 1:
        return ["With a single epoch there is no gain to tell."]
    if history["val_accuracy"].isna().all():
        return ["Without validation accuracy the gain of a stage cannot be told.", *_describe_training(history)]
    gains = compute_stage_gains(history)
    return [*(map(_describe_stage, gains) if len(gains) <= _MAX_TOLD else _summarize_gains(gains)), *_describe_fastest(gains)]


def _describe_training(history: pandas.DataFrame) -> list[str]:
    first, last = float(history["accuracy"].iloc[0]), float(history["accuracy"].iloc[-1])
    if math.isnan(first) or math.isnan(last):
        return []
    return [f"Training accuracy was {PERCENT.write(first)} in the first epoch and {PERCENT.write(last)} in the last."]


def _describe_stage(stage: StageGain) -> str:
    name = f"Stage {stage.label} ({count_noun(stage.epochs, 'epoch')}{_write_rates(stage)})"
    if not stage.counted_epochs:
        return f"{name} ended {'without a finite' if math.isnan(stage.end) else 'with a first'} validation accuracy{_write_value(stage.end)}."
    if math.isnan(stage.gain):
        place = "at its start" if math.isnan(stage.start) else "at its end"
        return f"What {name[0].lower()}{name[1:]} gained is not known: validation accuracy has no finite value {place}."
    if not stage.is_change:
        return f"{name} left validation accuracy within 0.01 points of where it was, at {PERCENT.write(stage.end)}."
    verb = "raised" if stage.gain > 0 else "lowered"
    start = "" if stage.counted_epochs == stage.epochs else " after its first epoch"
    return f"{name} {verb} validation accuracy from {PERCENT.write(stage.start)}{start} to {PERCENT.write(stage.end)}, {write_change(stage.gain)}."


def _write_value(share: float) -> str:
    return "" if math.isnan(share) else f" of {PERCENT.write(share)}"


def _write_rates(stage: StageGain) -> str:
    rates = [LEARNING_RATE.write(rate) for rate in (stage.first_rate, stage.last_rate) if not math.isnan(rate)]
    return f", learning rate {' to '.join(dict.fromkeys(rates))}" if rates else ""


def _summarize_gains(gains: Sequence[StageGain]) -> list[str]:
    """Count the stages that gained and lost, and name those that did so most."""
    known = {number: stage.gain for number, stage in enumerate(gains) if stage.is_known}
    raised, lowered = (sum(gains[number].is_change and (gain > 0) == up for number, gain in known.items()) for up in (True, False))
    counts = {
        "rose in": raised,
        "fell in": lowered,
        "stayed within 0.01 points in": len(known) - raised - lowered,
        "had no value to compare with in": len(gains) - len(known),
    }
    sentences = [f"Over {len(gains):,} stages validation accuracy {join_words([f'{did} {count:,}' for did, count in counts.items() if count])}."]
    if known:
        highest, lowest = find_extremes(known, POINTS.write)
        sentences += [f"The largest gain is that of {_name_stages(gains, highest)}."] * (raised > 0)
        sentences += [f"The largest loss is that of {_name_stages(gains, lowest)}."] * (lowered > 0)
    return sentences


def _name_stages(gains: Sequence[StageGain], numbers: Sequence[int]) -> str:
    """Return the names of stages that gained alike, and what they gained."""
    return f"{join_labels([gains[number].label for number in numbers])}, {write_change(gains[numbers[0]].gain)}{' each' * (len(numbers) > 1)}"


def _describe_fastest(gains: Sequence[StageGain]) -> list[str]:
    """Say which stage gained most an epoch, where there are several and one gained."""
    rates = {number: stage.gain_an_epoch for number, stage in enumerate(gains) if stage.is_known}
    if len(rates) < 2:
        return []
    highest, _ = find_extremes(rates, POINTS.write)
    if not is_change(rates[highest[0]]) or rates[highest[0]] < 0 or not all(gains[number].is_change for number in highest):
        return []
    first = gains[0].counted_epochs
    basis = f" (over {'the one epoch' if first == 1 else f'the {first:,} epochs'} after its first)" if highest == [0] else ""
    gain = write_change(rates[highest[0]]) + " each" * (len(highest) > 1)
    return [f"Per epoch the largest gain is that of {join_labels([gains[number].label for number in highest])}, {gain}{basis}."]
