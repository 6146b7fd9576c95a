"""How far the training came, and the accuracy that it reached."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import pandas

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.claims import Claim, claim_change
from kcifar.reporting.commentary.recipe_facts import read_stage_setting
from kcifar.reporting.commentary.wording import count_noun, join_labels
from kcifar.reporting.page.columns import LOSS, PERCENT
from kcifar.reporting.page.names import label_stages
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, mcnemar_exact, slope_test
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


@dataclass(frozen=True)
class Peak:
    """The epoch of the highest validation accuracy.

    Attributes:
        epoch: The first of several, from 1.
        accuracy: Its validation accuracy.
        fall: The claim that the last epoch is below it: highest minus last.
    """

    epoch: int
    accuracy: float
    fall: Claim


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


def describe_validation(history: pandas.DataFrame, validation_images: int | None) -> list[str]:
    """State the last and the highest validation accuracy, whether they clearly differ, and the epochs without one.

    Args:
        history: The run's completed epochs.
        validation_images: Their number; if None, the difference is not told from chance.
    """
    accuracy = history["val_accuracy"].tolist()
    missing = [f"{epoch:,}" for epoch, value in enumerate(accuracy, start=1) if math.isnan(value)]
    if len(missing) == len(accuracy):
        return ["There is no validation accuracy."]
    where = "the only epoch" if len(accuracy) == 1 else "the last epoch"
    peak, last = find_peak(history, validation_images), accuracy[-1]
    highest, epoch = PERCENT.write(peak.accuracy), f"{peak.epoch:,}"
    if math.isnan(last):
        reached = f"Validation accuracy has no finite value in {where}; its highest value is {highest}, in epoch {epoch}."
    elif peak.epoch == len(accuracy):
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}{', its highest value' if peak.epoch > 1 else ''}."
    elif PERCENT.write(last) == highest:
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}, the same to two decimals as its highest value, in epoch {epoch}."
    else:
        apart = "a clear fall since" if peak.fall.holds else "a difference that may be chance"
        reached = f"Validation accuracy is {PERCENT.write(last)} after {where}; its highest value is {highest}, in epoch {epoch}, {apart}."
    gaps = [f"It has no finite value in {'epoch' if len(missing) == 1 else 'epochs'} {join_labels(missing)}."] if missing else []
    return [reached, *gaps]


def find_peak(history: pandas.DataFrame, validation_images: int | None) -> Peak:
    """Return the first epoch of the highest validation accuracy, and whether the last epoch is clearly below it.

    The highest of several epochs is higher by chance, so the p-value is multiplied by the number of the other epochs.

    Args:
        history: At least one epoch has a finite validation accuracy.
        validation_images: Their number, or None.
    """
    accuracy = history["val_accuracy"].tolist()
    known = [value for value in accuracy if not math.isnan(value)]
    highest = max(known)
    return Peak(accuracy.index(highest) + 1, highest, claim_change(accuracy[-1], highest, validation_images, max(1, len(known) - 1)))


def find_rise(history: pandas.DataFrame, validation_images: int | None) -> Rise | None:
    """Return the rise of validation accuracy at the end of the last stage, or None.

    Two means are compared: over the last n epochs of the stage, and over the n epochs before (n is 2 to 5, and at most half the stage).
    The line through these 2n values by least squares must rise clearly: Student's test of its slope, two-sided. If the learning rate more
    than halves over these epochs, the result is None: the rise may end with the decay. So few images that McNemar's test could not show the
    rise, even if none was lost, are no rise either.

    Args:
        history: The run's completed epochs.
        validation_images: Their number; None: not considered.
    """
    stage = history[history["stage_index"] == history["stage_index"].iloc[-1]]
    window = min(_MAX_WINDOW, len(stage) // 2)
    accuracy, rates = stage["val_accuracy"].tolist()[-2 * window :], stage["learning_rate"].tolist()[-2 * window :]
    if window < 2 or any(map(math.isnan, accuracy)) or rates[-1] < rates[0] / 2:
        return None
    before, last = mean(accuracy[:window]), mean(accuracy[window:])
    is_rise = last - before > _MIN_RISE and slope_test(accuracy) < SIGNIFICANCE_LEVEL
    if not is_rise or (validation_images and mcnemar_exact(round((last - before) * validation_images), 0) >= SIGNIFICANCE_LEVEL):
        return None
    return Rise(window, before, last)
