"""How far the training came, and the accuracy that it reached."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import pandas

from kcifar.core.errors import one_line
from kcifar.reporting.commentary.recipe_facts import read_stage_setting
from kcifar.reporting.commentary.wording import count_noun, join_labels
from kcifar.reporting.page.columns import LOSS, PERCENT
from kcifar.reporting.page.names import label_stages
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.schemas import PlannedStage, StatusFile, ViewsResult

_ENDS = {"interrupted": "was interrupted", "failed": "failed", "running": "was still running"}
_MAX_WINDOW = 5  # epochs that are averaged
_MIN_RISE = 0.002  # between two such means; less is not worth an epoch


@dataclass(frozen=True)
class Rise:
    """A validation accuracy that was still rising: its mean over the last epochs of the last stage, and over as many epochs before them."""

    epochs: int
    before: float
    last: float


def describe_progress(history: pandas.DataFrame, planned: Sequence[PlannedStage], status: StatusFile, settings: Mapping[str, Any]) -> list[str]:
    """Say how many of the planned epochs are complete, and why not all of them are."""
    done, planned_epochs = len(history), sum(stage.epochs for stage in planned)
    if status.state != "finished":
        reason = f" (reason: {one_line(status.reason, 150)})" if status.reason else ""
        return [f"Training {_ENDS[status.state]} after {done:,} of {count_noun(planned_epochs, 'epoch')}{reason}."]
    if done == planned_epochs:
        return ["Training completed its only epoch." if done == 1 else f"Training completed all {done:,} epochs."]
    if done > planned_epochs:
        return [f"Training finished after {count_noun(done, 'epoch')}; {planned_epochs:,} were planned."]
    shortened = list(_find_stopped_stages(history, planned, settings))
    ended = f"; early stopping ended {join_labels(shortened)}" if shortened else ""
    return [f"Training finished after {done:,} of {count_noun(planned_epochs, 'planned epoch')}{ended}."]


def _find_stopped_stages(history: pandas.DataFrame, planned: Sequence[PlannedStage], settings: Mapping[str, Any]) -> Iterator[str]:
    """Name the stages that have early stopping and fewer epochs than planned."""
    done = history["stage_index"].value_counts()
    for index, (stage, label) in enumerate(zip(planned, label_stages([stage.name for stage in planned]), strict=True)):
        if done.get(index, 0) < stage.epochs and read_stage_setting(settings, index, "early_stopping") is not None:
            yield f"stage {label} after {done.get(index, 0):,} of {count_noun(stage.epochs, 'epoch')}"


def describe_evaluation(evaluation: EvaluationResult | None, weights: str, views: ViewsResult | None) -> list[str]:
    """State accuracy and cross-entropy on the test split, else on the validation split.

    Args:
        evaluation: The measured result; None: nothing was evaluated.
        weights: "best" if the weights of the best epoch were evaluated.
        views: Result over several views of each test image, if measured.
    """
    missing = ["The test split was not evaluated."] if evaluation is None or evaluation.split != "test" else []
    if evaluation is None:
        return missing
    low, high = compute_fraction_interval(evaluation.accuracy, evaluation.samples)
    interval = f"95% Wilson interval: {PERCENT.write(low)} to {PERCENT.write(high)}"
    entropy = "that is not finite" if evaluation.cross_entropy is None else f"of {LOSS.write(evaluation.cross_entropy)}"
    network = "the network with the weights of its best epoch" if weights == "best" else "the network"
    images = f"{'the ' * (evaluation.samples > 1)}{count_noun(evaluation.samples, f'{evaluation.split} image')}"
    accuracy = f"{PERCENT.write(evaluation.accuracy)} ({interval})"
    measured = f"On {images}, {network} has an accuracy of {accuracy} and a cross-entropy {entropy}."
    return [*missing, measured, *([_describe_views(views)] if views else [])]


def _describe_views(views: ViewsResult) -> str:
    return f"With predictions averaged over {views.count:,} views of each image, its accuracy is {PERCENT.write(views.accuracy)}."


def describe_validation(history: pandas.DataFrame) -> list[str]:
    """State the last and the highest validation accuracy, and the epochs without one."""
    accuracy = history["val_accuracy"].tolist()
    missing = [f"{epoch:,}" for epoch, value in enumerate(accuracy, start=1) if math.isnan(value)]
    if len(missing) == len(accuracy):
        return ["There is no validation accuracy."]
    where = "the only epoch" if len(accuracy) == 1 else "the last epoch"
    last, highest = accuracy[-1], max(value for value in accuracy if not math.isnan(value))
    epoch = accuracy.index(highest) + 1
    if math.isnan(last):
        reached = f"Validation accuracy has no finite value in {where}; its highest value is {PERCENT.write(highest)}, in epoch {epoch:,}."
    elif epoch == len(accuracy):
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}{', its highest value' if epoch > 1 else ''}."
    elif PERCENT.write(last) == PERCENT.write(highest):
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}, the same to two decimals as its highest value, in epoch {epoch:,}."
    else:
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}; its highest value is {PERCENT.write(highest)}, in epoch {epoch:,}."
    gaps = [f"It has no finite value in {'epoch' if len(missing) == 1 else 'epochs'} {join_labels(missing)}."] if missing else []
    return [reached, *gaps]


def find_rise(history: pandas.DataFrame) -> Rise | None:
    """Return the rise of validation accuracy at the end of the last stage, or None.

    Two means are compared: over the last n epochs of the stage, and over the n epochs before (n is 2 to 5, and at most half the stage).
    They must differ by more than two standard errors, estimated from the variation within both. If the learning rate more than halves
    over these epochs, the result is None: the rise may end with the decay.
    """
    stage = history[history["stage_index"] == history["stage_index"].iloc[-1]]
    window = min(_MAX_WINDOW, len(stage) // 2)
    accuracy, rates = stage["val_accuracy"].tolist()[-2 * window :], stage["learning_rate"].tolist()[-2 * window :]
    if window < 2 or any(map(math.isnan, accuracy)) or rates[-1] < rates[0] / 2:
        return None
    before, last = accuracy[:window], accuracy[window:]
    error = math.sqrt((stdev(before) ** 2 + stdev(last) ** 2) / window)
    rise = mean(last) - mean(before)
    return Rise(window, mean(before), mean(last)) if rise > max(2 * error, _MIN_RISE) else None
