"""Which stage gained what: validation accuracy from its beginning to its end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas

from kcifar.reporting.commentary.wording import are_alike, change, counted, extremes, is_change, joined, listed, stage_labels
from kcifar.reporting.page.columns import LEARNING_RATE, POINTS, SHARE

_MAX_TOLD = 4  # stages told one by one


@dataclass(frozen=True)
class StageGain:
    """What one stage did to validation accuracy, as the table of stages has it.

    Attributes:
        label: Its name, in quotes.
        epochs: Completed.
        counted_epochs: Those that the gain is over: all, but for the first stage, which counts from the end of its first epoch.
        start: Validation accuracy that the gain counts from; NaN while unknown.
        end: After its last epoch; NaN while unknown.
        first_rate: Learning rate of its first epoch; NaN while unknown.
        last_rate: Of its last.
    """

    label: str
    epochs: int
    counted_epochs: int
    start: float
    end: float
    first_rate: float
    last_rate: float

    @property
    def gain(self) -> float:
        """End less start, a difference of fractions; NaN where either is unknown."""
        return self.end - self.start

    @property
    def is_known(self) -> bool:
        """Whether there is a gain to tell."""
        return self.counted_epochs > 0 and not math.isnan(self.gain)

    @property
    def is_change(self) -> bool:
        """Whether start and end are written as different shares; only where the gain is known."""
        return not are_alike(self.start, self.end)

    @property
    def gain_an_epoch(self) -> float:
        """Only where it is known."""
        return self.gain / self.counted_epochs


def stage_gains(history: pandas.DataFrame) -> list[StageGain]:
    """Return what each stage that has a completed epoch gained, in order."""
    parts = [rows for _, rows in history.groupby("stage_index")]
    labels = stage_labels([str(rows["stage"].iloc[0]) for rows in parts])
    gains: list[StageGain] = []
    reached = float(history["val_accuracy"].iloc[0])
    for label, rows in zip(labels, parts, strict=True):
        end, rates = float(rows["val_accuracy"].iloc[-1]), rows["learning_rate"]
        gains.append(StageGain(label, len(rows), len(rows) - (not gains), reached, end, float(rates.iloc[0]), float(rates.iloc[-1])))
        reached = end
    return gains


def describe_stages(history: pandas.DataFrame) -> list[str]:
    """Say what each stage gained on validation, at which rate, and which gained most an epoch."""
    if len(history) == 1:
        return ["With a single epoch there is no gain to tell."]
    if history["val_accuracy"].isna().all():
        return ["Without validation accuracy the gain of a stage cannot be told.", *_trained(history)]
    gains = stage_gains(history)
    return [*(map(_told, gains) if len(gains) <= _MAX_TOLD else _summed(gains)), *_fastest(gains)]


def _trained(history: pandas.DataFrame) -> list[str]:
    first, last = float(history["accuracy"].iloc[0]), float(history["accuracy"].iloc[-1])
    if math.isnan(first) or math.isnan(last):
        return []
    return [f"Training accuracy was {SHARE.write(first)} in the first epoch and {SHARE.write(last)} in the last."]


def _told(stage: StageGain) -> str:
    name = f"Stage {stage.label} ({counted(stage.epochs, 'epoch')}{_rates(stage)})"
    if not stage.counted_epochs:
        return f"{name} ended {'without a finite' if math.isnan(stage.end) else 'with a first'} validation accuracy{_value(stage.end)}."
    if math.isnan(stage.gain):
        place = "at its start" if math.isnan(stage.start) else "at its end"
        return f"What {name[0].lower()}{name[1:]} gained is not known: validation accuracy has no finite value {place}."
    if not stage.is_change:
        return f"{name} left validation accuracy within 0.01 points of where it was, at {SHARE.write(stage.end)}."
    verb = "raised" if stage.gain > 0 else "lowered"
    start = "" if stage.counted_epochs == stage.epochs else " after its first epoch"
    return f"{name} {verb} validation accuracy from {SHARE.write(stage.start)}{start} to {SHARE.write(stage.end)}, {change(stage.gain)}."


def _value(share: float) -> str:
    return "" if math.isnan(share) else f" of {SHARE.write(share)}"


def _rates(stage: StageGain) -> str:
    rates = [LEARNING_RATE.write(rate) for rate in (stage.first_rate, stage.last_rate) if not math.isnan(rate)]
    return f", learning rate {' to '.join(dict.fromkeys(rates))}" if rates else ""


def _summed(gains: Sequence[StageGain]) -> list[str]:
    """Count the stages that gained and lost, and name those that did so most."""
    known = {number: stage.gain for number, stage in enumerate(gains) if stage.is_known}
    raised, lowered = (sum(gains[number].is_change and (gain > 0) == up for number, gain in known.items()) for up in (True, False))
    counts = {
        "rose in": raised,
        "fell in": lowered,
        "stayed within 0.01 points in": len(known) - raised - lowered,
        "had no value to compare with in": len(gains) - len(known),
    }
    sentences = [f"Over {len(gains):,} stages validation accuracy {joined([f'{did} {count:,}' for did, count in counts.items() if count])}."]
    if known:
        highest, lowest = extremes(known, POINTS.write)
        sentences += [f"The largest gain is that of {_named(gains, highest)}."] * (raised > 0)
        sentences += [f"The largest loss is that of {_named(gains, lowest)}."] * (lowered > 0)
    return sentences


def _named(gains: Sequence[StageGain], numbers: Sequence[int]) -> str:
    """Return the names of stages that gained alike, and what they gained."""
    return f"{listed([gains[number].label for number in numbers])}, {change(gains[numbers[0]].gain)}{' each' * (len(numbers) > 1)}"


def _fastest(gains: Sequence[StageGain]) -> list[str]:
    """Say which stage gained most an epoch, where there are several and one gained."""
    rates = {number: stage.gain_an_epoch for number, stage in enumerate(gains) if stage.is_known}
    if len(rates) < 2:
        return []
    highest, _ = extremes(rates, POINTS.write)
    if not is_change(rates[highest[0]]) or rates[highest[0]] < 0 or not all(gains[number].is_change for number in highest):
        return []
    first = gains[0].counted_epochs
    basis = f" (over {'the one epoch' if first == 1 else f'the {first:,} epochs'} after its first)" if highest == [0] else ""
    each = " each" * (len(highest) > 1)
    return [f"Per epoch the largest gain is that of {listed([gains[number].label for number in highest])}, {change(rates[highest[0]])}{each}{basis}."]
