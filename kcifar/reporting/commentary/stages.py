"""The gain of each stage: validation accuracy from its start to its end, and whether it is more than chance."""

import math
from collections.abc import Sequence

import pandas

from kcifar.reporting.analysis.stages import StageGain, claim_fastest, claim_gains, compute_stage_gains
from kcifar.reporting.commentary.wording import count_noun, join_labels, write_change
from kcifar.reporting.page.columns import LEARNING_RATE, PERCENT
from kcifar.reporting.page.names import join_words

_MAX_DESCRIBED = 4  # stages described one by one


def describe_stages(history: pandas.DataFrame, validation_images: int | None) -> list[str]:
    """State the validation accuracy at both ends of each stage, whether it clearly rose or fell, and which stage clearly gained most per epoch.

    Args:
        history: The run's completed epochs.
        validation_images: Their number; if None, no change is told from chance.
    """
    if len(history) == 1:
        return ["After a single epoch, there is no gain to report."]
    if history["val_accuracy"].isna().all():
        return ["Without validation accuracy, the gain of each stage is unknown.", *_describe_training(history)]
    gains = compute_stage_gains(history)
    claims = claim_gains(gains, validation_images)
    verdicts = [gain.is_known and claim.holds for gain, claim in zip(gains, claims, strict=True)]
    if len(gains) <= _MAX_DESCRIBED:
        sentences = [_describe_stage(gain, clear) for gain, clear in zip(gains, verdicts, strict=True)]
        sentences += _describe_chance(gains, verdicts, validation_images)
    else:
        sentences = _summarize_gains(gains, verdicts)
    return [*sentences, *_describe_fastest(gains, validation_images)]


def _describe_training(history: pandas.DataFrame) -> list[str]:
    first, last = float(history["accuracy"].iloc[0]), float(history["accuracy"].iloc[-1])
    if math.isnan(first) or math.isnan(last):
        return []
    return [f"Training accuracy was {PERCENT.write(first)} in the first epoch and {PERCENT.write(last)} in the last."]


def _describe_stage(stage: StageGain, is_clear: bool) -> str:
    label = f"{stage.label} ({count_noun(stage.epochs, 'epoch')}{_write_rates(stage)})"
    if not stage.counted_epochs:
        reached = "without a finite validation accuracy" if math.isnan(stage.end) else f"at a validation accuracy of {PERCENT.write(stage.end)}"
        return f"Stage {label} ended {reached}."
    if math.isnan(stage.gain):
        place = "at its start" if math.isnan(stage.start) else "at its end"
        return f"The gain of stage {label} is unknown: validation accuracy has no finite value {place}."
    if not stage.is_change:
        return f"Stage {label} left validation accuracy unchanged to within 0.01 points, at {PERCENT.write(stage.end)}."
    start = "" if stage.counted_epochs == stage.epochs else " after its first epoch"
    change = f"from {PERCENT.write(stage.start)}{start} to {PERCENT.write(stage.end)} ({write_change(stage.gain)})"
    if not is_clear:
        return f"In stage {label}, validation accuracy went {change}."
    return f"Stage {label} {'raised' if stage.gain > 0 else 'lowered'} validation accuracy {change}."


def _write_rates(stage: StageGain) -> str:
    rates = [LEARNING_RATE.write(rate) for rate in (stage.first_rate, stage.last_rate) if not math.isnan(rate)]
    return f", learning rate {' to '.join(dict.fromkeys(rates))}" if rates else ""


def _describe_chance(gains: Sequence[StageGain], verdicts: Sequence[bool], images: int | None) -> list[str]:
    """Say of which stages the change may be chance."""
    unclear = [gain.label for gain, clear in zip(gains, verdicts, strict=True) if gain.is_known and gain.is_change and not clear]
    if not unclear:
        return []
    reason = f"with {count_noun(images, 'validation image')}" if images else "as the number of validation images is unknown"
    return [f"{reason[0].upper()}{reason[1:]}, the change in stage{'s' * (len(unclear) > 1)} {join_labels(unclear)} may be chance."]


def _summarize_gains(gains: Sequence[StageGain], verdicts: Sequence[bool]) -> list[str]:
    """Count the stages that clearly gained and lost."""
    known = sum(gain.is_known for gain in gains)
    raised, lowered = (sum(clear and (gain.gain > 0) == up for gain, clear in zip(gains, verdicts, strict=True)) for up in (True, False))
    counts = {
        "clearly rose in": raised,
        "clearly fell in": lowered,
        "changed by no more than chance in": known - raised - lowered,
        "could not be compared in": len(gains) - known,
    }
    return [f"Across {len(gains):,} stages, validation accuracy {join_words([f'{did} {count:,}' for did, count in counts.items() if count])}."]


def _describe_fastest(gains: Sequence[StageGain], images: int | None) -> list[str]:
    """Name the stage that clearly gained the most per epoch, if there is one."""
    fastest = claim_fastest(gains, images)
    if fastest is None:
        return []
    first = gains[0].counted_epochs
    basis = f" (over {'the one epoch' if first == 1 else f'the {first:,} epochs'} after its first)" if fastest == 0 else ""
    return [f"Stage {gains[fastest].label} gained the most per epoch: {write_change(gains[fastest].gain_per_epoch)}{basis}."]
