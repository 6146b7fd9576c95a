"""What was reached: how far the training came, and how often the network is right."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas

from kcifar.core.errors import one_line
from kcifar.reporting.commentary.recipe_facts import stage_setting
from kcifar.reporting.commentary.wording import counted, listed, stage_labels
from kcifar.reporting.page.columns import LOSS, SHARE
from kcifar.reporting.stats.intervals import interval_of_share
from kcifar.runs.evaluation_result import Outcome
from kcifar.runs.schemas import PlannedStage, Status, ViewsResult

_ENDS = {"interrupted": "was interrupted", "failed": "failed", "running": "was still running,"}


def describe_progress(history: pandas.DataFrame, planned: Sequence[PlannedStage], status: Status, settings: Mapping[str, Any]) -> list[str]:
    """Say how many of the planned epochs are done, and why not all."""
    done, ordered = len(history), sum(stage.epochs for stage in planned)
    if status.state != "finished":
        reason = f" (reason: {one_line(status.reason, 150)})" if status.reason else ""
        return [f"Training {_ENDS[status.state]} after {done:,} of {counted(ordered, 'epoch')}{reason}."]
    if done == ordered:
        return ["Training finished its one epoch." if done == 1 else f"Training finished all {done:,} epochs."]
    if done > ordered:
        return [f"Training finished after {counted(done, 'epoch')}; {ordered:,} were planned."]
    short = list(_stopped_early(history, planned, settings))
    return [f"Training finished after {done:,} of {counted(ordered, 'planned epoch')}{f'; early stopping ended {listed(short)}' if short else ''}."]


def _stopped_early(history: pandas.DataFrame, planned: Sequence[PlannedStage], settings: Mapping[str, Any]) -> Iterator[str]:
    """Name the stages that have an early stopping and fewer epochs than planned."""
    done = history["stage_index"].value_counts()
    for index, (stage, label) in enumerate(zip(planned, stage_labels([stage.name for stage in planned]), strict=True)):
        if done.get(index, 0) < stage.epochs and stage_setting(settings, index, "early_stopping") is not None:
            yield f"{label} after {done.get(index, 0):,} of {stage.epochs:,}"


def describe_outcome(outcome: Outcome | None, weights: str, views: ViewsResult | None) -> list[str]:
    """Say how often the network is right on the test part, else on validation.

    Args:
        outcome: What was measured; None: nothing.
        weights: "best" where those of the best epoch were measured.
        views: Of the test part, where more than one view of each image was looked at.
    """
    missing = ["The test part was not evaluated."] if outcome is None or outcome.split != "test" else []
    if outcome is None:
        return missing
    low, high = interval_of_share(outcome.accuracy, outcome.samples)
    interval = f"95% Wilson interval {SHARE.write(low)} to {SHARE.write(high)}"
    entropy = "that is not finite" if outcome.cross_entropy is None else f"of {LOSS.write(outcome.cross_entropy)}"
    chosen = ", with the weights of its best epoch" if weights == "best" else ""
    images = f"{'the ' * (outcome.samples > 1)}{counted(outcome.samples, f'{outcome.split} image')}"
    accuracy = f"{SHARE.write(outcome.accuracy)} ({interval})"
    measured = f"On {images} the network has an accuracy of {accuracy} and a cross-entropy {entropy}{chosen}."
    return [*missing, measured, *([_over_views(views)] if views else [])]


def _over_views(views: ViewsResult) -> str:
    return f"Averaged over {views.count:,} views of each image its accuracy is {SHARE.write(views.accuracy)}."


def describe_validation(history: pandas.DataFrame) -> list[str]:
    """Say which validation accuracy the last epoch has, which was the highest, and which epochs have none."""
    accuracy = history["val_accuracy"].tolist()
    missing = [f"{epoch:,}" for epoch, value in enumerate(accuracy, start=1) if math.isnan(value)]
    if len(missing) == len(accuracy):
        return ["There is no validation accuracy."]
    where = "the only epoch" if len(accuracy) == 1 else "the last epoch"
    last, highest = accuracy[-1], max(value for value in accuracy if not math.isnan(value))
    epoch = accuracy.index(highest) + 1
    if math.isnan(last):
        reached = f"Validation accuracy has no finite value in {where}; its highest is {SHARE.write(highest)}, in epoch {epoch:,}."
    elif epoch == len(accuracy):
        reached = f"Validation accuracy is {SHARE.write(last)} after {where}{', its highest' if epoch > 1 else ''}."
    elif SHARE.write(last) == SHARE.write(highest):
        reached = f"Validation accuracy is {SHARE.write(last)} after {where}, to two digits the same as its highest, in epoch {epoch:,}."
    else:
        reached = f"Validation accuracy is {SHARE.write(last)} after {where}; its highest is {SHARE.write(highest)}, in epoch {epoch:,}."
    gaps = [f"It has no finite value in {'epoch' if len(missing) == 1 else 'epochs'} {listed(missing)}."] if missing else []
    return [reached, *gaps]
