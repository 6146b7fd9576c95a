"""How far training and validation lie apart in the last epoch, and what that suggests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas

from kcifar.reporting.commentary.recipe_facts import averages_weights, drops_units, find_augmentation_names, mixes_images
from kcifar.reporting.commentary.wording import join_labels, write_size
from kcifar.reporting.page.columns import LOSS, PERCENT, read_alike, round_points
from kcifar.reporting.page.names import join_words
from kcifar.reporting.stats.intervals import compute_fraction_interval

_WIDE, _NEAR, _LOW = 5, 2, 90  # points of accuracy; the sentences name the last two
_RISE = 0.1  # of the lowest validation loss; at a constant rate the losses of neighbouring epochs of LeNet differ by up to 0.08


@dataclass(frozen=True)
class LastAccuracies:
    """Accuracies of training and validation in the last epoch, in [0, 1]."""

    training: float
    validation: float

    @property
    def gap(self) -> float:
        """Training less validation."""
        return self.training - self.validation

    @property
    def both(self) -> str:
        """What "low and near to each other" means, with its bounds."""
        return f"below {_LOW}% and within {_NEAR} points of each other"

    @property
    def are_low_and_near(self) -> bool:
        """Whether both are, as they are written."""
        return round_points(max(self.training, self.validation)) < _LOW and abs(round_points(self.gap)) <= _NEAR

    def are_far_apart(self, validation_images: int | None) -> bool:
        """Whether training lies above validation by five points, and above its 95% interval."""
        images = validation_images or 0
        high = compute_fraction_interval(self.validation, images)[1] if images else 0
        return round_points(self.gap) >= _WIDE and self.training > high


@dataclass(frozen=True)
class LossRise:
    """Validation loss that ended above its lowest value; losses of training in the same two epochs.

    Attributes:
        epoch: That of the lowest validation loss, the first of several.
        lowest: Validation loss in it.
        last: Validation loss of the last epoch.
        training: Training losses of both epochs; NaN while unknown.
    """

    epoch: int
    lowest: float
    last: float
    training: tuple[float, float]

    @property
    def training_fell(self) -> bool:
        """Whether training loss is written as a smaller number at the end."""
        first, last = self.training
        return last < first and LOSS.write(first) != LOSS.write(last)


def read_last_accuracies(history: pandas.DataFrame) -> LastAccuracies | None:
    """Return training and validation accuracy of the last epoch; None where either is not finite."""
    accuracies = LastAccuracies(float(history["accuracy"].iloc[-1]), float(history["val_accuracy"].iloc[-1]))
    return None if math.isnan(accuracies.gap) else accuracies


def find_loss_rise(history: pandas.DataFrame) -> LossRise | None:
    """Return by how much validation loss ended above its lowest value; None where that is within what neighbouring epochs differ by."""
    losses, training = history["val_loss"].tolist(), history["loss"].tolist()
    if math.isnan(losses[-1]):
        return None
    lowest, last = min(loss for loss in losses if not math.isnan(loss)), losses[-1]
    if last - lowest <= _RISE * abs(lowest) or LOSS.write(last) == LOSS.write(lowest):
        return None
    row = losses.index(lowest)
    return LossRise(row + 1, lowest, last, (training[row], training[-1]))


def describe_gap(history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None) -> list[str]:
    """Say how training and validation accuracy compare in the last epoch, how each is measured, and what that suggests."""
    if history["val_accuracy"].isna().all():
        return []
    where = "the only epoch" if len(history) == 1 else "the last epoch"
    accuracies = read_last_accuracies(history)
    if accuracies is None:
        return [f"Training and validation cannot be compared in {where}: one of their accuracies has no finite value."]
    stage = int(history["stage_index"].iloc[-1])
    return [
        _compare(accuracies, where),
        *_describe_conditions(accuracies, settings, stage),
        *_describe_loss(history),
        *_interpret(accuracies, settings, stage, validation_images),
    ]


def _compare(accuracies: LastAccuracies, where: str) -> str:
    if read_alike(accuracies.training, accuracies.validation):
        verdict = "within 0.01 points of validation accuracy"
    else:
        verdict = f"{write_size(accuracies.gap)} {'above' if accuracies.gap > 0 else 'below'} validation accuracy"
    return f"In {where} training accuracy is {PERCENT.write(accuracies.training)}, {verdict} ({PERCENT.write(accuracies.validation)})."


def _describe_conditions(accuracies: LastAccuracies, settings: Mapping[str, Any], stage: int) -> list[str]:
    """Say why validation accuracy may lie above that of training, or the gap be larger than it looks."""
    names = find_augmentation_names(settings, stage)
    conditions = [f"on augmented images ({join_labels(names)})"] if names else []
    conditions += ["with dropout"] if drops_units(settings, stage) else []
    if read_alike(accuracies.training, accuracies.validation):
        return []
    if accuracies.gap > 0:
        return [f"Training accuracy is measured {join_words(conditions)}; without that the gap may be larger."] if conditions else []
    conditions += ["while the weights still change"]
    averaged = ", with averaged weights" if averages_weights(settings, stage) else ""
    otherwise = f"validation accuracy on images as they are, after the epoch{averaged}"
    return [f"Training accuracy is measured {join_words(conditions)}, {otherwise}: the difference, or a part of it, may come from that."]


def _describe_loss(history: pandas.DataFrame) -> list[str]:
    rise = find_loss_rise(history)
    if rise is None:
        return []
    fell = f", while training loss fell from {LOSS.write(rise.training[0])} to {LOSS.write(rise.training[1])}" if rise.training_fell else ""
    return [f"Validation loss was lowest in epoch {rise.epoch:,}, {LOSS.write(rise.lowest)}, and ended at {LOSS.write(rise.last)}{fell}."]


def _interpret(accuracies: LastAccuracies, settings: Mapping[str, Any], stage: int, validation_images: int | None) -> list[str]:
    """Name what the gap points to; nothing where blended targets keep training accuracy low."""
    if accuracies.are_far_apart(validation_images):
        return ["The network tells the images that it was trained on better than new ones, which points to overfitting."]
    if accuracies.are_low_and_near and not mixes_images(settings, stage):
        return [f"Both are {accuracies.both}, which points to underfitting rather than overfitting."]
    return []
