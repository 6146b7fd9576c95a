"""The generalization gap: training and validation accuracy in the last epoch, and what their difference suggests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pandas

from kcifar.reporting.commentary.recipe_facts import averages_weights, drops_units, find_augmentation_names, mixes_images, read_stage_setting
from kcifar.reporting.commentary.wording import count_noun, join_labels, write_size
from kcifar.reporting.page.columns import LOSS, PERCENT, read_alike, round_points
from kcifar.reporting.page.names import join_words
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.reporting.stats.proportions import compare_proportions, compare_with_fraction, make_proportion
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL

_WIDE, _NEAR, _LOW = 5, 2, 90  # percentage points of accuracy; the sentences name the last two
_RISE = 0.1  # of the lowest validation loss; at a constant learning rate, consecutive epochs of LeNet differ by up to 0.08
FEW_UPDATES = 100  # at a momentum of 0.99, Keras' default, 0.99^100 = 37% of an average of batch normalization is still its first value
_STEPS = 3  # typical differences between consecutive epochs


@dataclass(frozen=True)
class LastAccuracies:
    """Training and validation accuracy of the last epoch, in [0, 1].

    Attributes:
        training: Measured on `training_images` images.
        validation: Measured on `images` images.
        images: Number of validation images; None if unknown, and then nothing is claimed.
        training_images: Number of training images; None if unknown, and then the error of the training accuracy is left out.
        unsettled: Whether validation may use averages of batch normalization that so few updates did not settle.
    """

    training: float
    validation: float
    images: int | None
    training_images: int | None = None
    unsettled: bool = False

    @property
    def gap(self) -> float:
        """Training minus validation accuracy."""
        return self.training - self.validation

    @property
    def gap_interval(self) -> tuple[float, float]:
        """The 95% interval of the gap: training accuracy minus the Wilson interval of validation accuracy; (-1, 1) for unknown images."""
        low, high = compute_fraction_interval(self.validation, self.images) if self.images else (0.0, 1.0)
        return (self.training - high, self.training - low) if self.images else (-1.0, 1.0)

    @property
    def differ(self) -> bool:
        """Whether the gap is more than chance, and not written as zero."""
        if not self.images or read_alike(self.training, self.validation):
            return False
        observed = make_proportion(self.validation, self.images)
        if self.training_images:
            return compare_proportions(observed, make_proportion(self.training, self.training_images)) < SIGNIFICANCE_LEVEL
        return compare_with_fraction(observed, self.training) < SIGNIFICANCE_LEVEL

    @property
    def low_and_near(self) -> str:
        """The bounds of `are_low_and_near`, in words."""
        return f"below {_LOW}% and within {_NEAR} points of each other"

    @property
    def are_low_and_near(self) -> bool:
        """Whether both are low and close to each other, as written, and the images are enough to exclude a wide gap."""
        near = round_points(max(self.training, self.validation)) < _LOW and abs(round_points(self.gap)) <= _NEAR
        return near and round_points(self.gap_interval[1]) < _WIDE

    @property
    def are_far_apart(self) -> bool:
        """Whether training accuracy is at least five points above validation accuracy, by more than chance."""
        return round_points(self.gap) >= _WIDE and self.differ


@dataclass(frozen=True)
class LossRise:
    """A validation loss that ended above its lowest value, with the training losses of the same two epochs.

    Attributes:
        epoch: Epoch of the lowest validation loss, the first of several, from 1.
        lowest: Validation loss of that epoch.
        last: Validation loss of the last epoch.
        training: Training losses of the two epochs; NaN if unknown.
    """

    epoch: int
    lowest: float
    last: float
    training: tuple[float, float]

    @property
    def training_fell(self) -> bool:
        """Whether the training loss is printed as a smaller number at the end."""
        first, last = self.training
        return last < first and LOSS.write(first) != LOSS.write(last)


@dataclass(frozen=True)
class Conditions:
    """What is known of how training and validation accuracy were measured.

    Attributes:
        training_images: Their number; None if unknown.
        normalizes_batches: Whether the network has batch normalization.
    """

    training_images: int | None = None
    normalizes_batches: bool = False


UNKNOWN = Conditions()


def read_last_accuracies(
    history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None, conditions: Conditions
) -> LastAccuracies | None:
    """Return training and validation accuracy of the last epoch; None if either is not finite."""
    training, validation = float(history["accuracy"].iloc[-1]), float(history["val_accuracy"].iloc[-1])
    unsettled = conditions.normalizes_batches and count_updates(history, settings) < FEW_UPDATES
    accuracies = LastAccuracies(training, validation, validation_images, conditions.training_images, unsettled)
    return None if math.isnan(accuracies.gap) else accuracies


def count_updates(history: pandas.DataFrame, settings: Mapping[str, Any]) -> float:
    """Return about how many updates a run has made, by the images seen and the batch size of each stage; infinity if unknown."""
    if "images_seen" not in history:
        return math.inf
    seen = history.groupby("stage_index")["images_seen"].max()  # counted from the beginning of the run
    sizes = [read_stage_setting(settings, int(stage), "batch_size") for stage in seen.index]
    if seen.isna().any() or not all(isinstance(size, int) and size > 0 for size in sizes):
        return math.inf
    return float((seen.diff().fillna(seen.iloc[0]) / sizes).sum())


def find_loss_rise(history: pandas.DataFrame) -> LossRise | None:
    """Return how far the validation loss ended above its lowest value; None if consecutive epochs may differ by as much.

    It must be more than a tenth of the lowest value, and more than three times the median difference between consecutive epochs.
    """
    losses, training = history["val_loss"].tolist(), history["loss"].tolist()
    known = [loss for loss in losses if not math.isnan(loss)]
    if math.isnan(losses[-1]) or len(known) < 2:
        return None
    lowest, last = min(known), losses[-1]
    step = median(abs(after - before) for before, after in pairwise(known))
    if last - lowest <= max(_RISE * abs(lowest), _STEPS * step) or LOSS.write(last) == LOSS.write(lowest):
        return None
    row = losses.index(lowest)
    return LossRise(row + 1, lowest, last, (training[row], training[-1]))


def describe_gap(
    history: pandas.DataFrame, settings: Mapping[str, Any], validation_images: int | None, conditions: Conditions = UNKNOWN
) -> list[str]:
    """Compare training and validation accuracy in the last epoch; add how each is measured, and what the gap suggests."""
    if history["val_accuracy"].isna().all():
        return []
    where = "the only epoch" if len(history) == 1 else "the last epoch"
    accuracies = read_last_accuracies(history, settings, validation_images, conditions)
    if accuracies is None:
        return [f"Training and validation accuracy cannot be compared in {where}: at least one of them has no finite value."]
    stage = int(history["stage_index"].iloc[-1])
    return [
        _compare_accuracies(accuracies, where),
        *_describe_conditions(accuracies, settings, stage),
        *_describe_loss(history),
        *_interpret(accuracies, settings, stage),
    ]


def _compare_accuracies(accuracies: LastAccuracies, where: str) -> str:
    if read_alike(accuracies.training, accuracies.validation):
        verdict = "within 0.01 points of validation accuracy"
    else:
        verdict = f"{write_size(accuracies.gap)} {'above' if accuracies.gap > 0 else 'below'} validation accuracy"
    chance = "" if accuracies.differ or read_alike(accuracies.training, accuracies.validation) else f"; {_describe_chance(accuracies.images)}"
    return f"In {where}, training accuracy is {PERCENT.write(accuracies.training)}, {verdict} ({PERCENT.write(accuracies.validation)}){chance}."


def _describe_chance(images: int | None) -> str:
    if images:
        return f"with {count_noun(images, 'validation image')}, the difference may be chance"
    return "as the number of validation images is unknown, the difference may be chance"


def _describe_conditions(accuracies: LastAccuracies, settings: Mapping[str, Any], stage: int) -> list[str]:
    """Give reasons why validation accuracy may be above training accuracy, or the gap larger than it looks."""
    names = find_augmentation_names(settings, stage)
    conditions = [f"on augmented images ({join_labels(names)})"] if names else []
    conditions += ["with dropout"] if drops_units(settings, stage) else []
    if not accuracies.differ:
        return []
    if accuracies.gap > 0:
        return [f"Training accuracy is measured {join_words(conditions)}, which may hide part of the gap."] if conditions else []
    conditions += ["while the weights still change"]
    averaged = " and with averaged weights" if averages_weights(settings, stage) else ""
    validation = f"validation accuracy is measured after the epoch, on unmodified images{averaged}"
    return [f"Training accuracy is measured {join_words(conditions)}; {validation}. This may explain some or all of the difference."]


def _describe_loss(history: pandas.DataFrame) -> list[str]:
    rise = find_loss_rise(history)
    if rise is None:
        return []
    fell = f", while training loss fell from {LOSS.write(rise.training[0])} to {LOSS.write(rise.training[1])}" if rise.training_fell else ""
    return [f"Validation loss was lowest in epoch {rise.epoch:,} ({LOSS.write(rise.lowest)}) and ended at {LOSS.write(rise.last)}{fell}."]


def _interpret(accuracies: LastAccuracies, settings: Mapping[str, Any], stage: int) -> list[str]:
    """Say what the gap points to; nothing if mixed images and targets keep training accuracy low."""
    if accuracies.are_far_apart and accuracies.unsettled:
        return [
            f"With fewer than {FEW_UPDATES} updates, the averages of batch normalization, with which validation is measured, may not have settled: "
            "the gap does not show overfitting."
        ]
    if accuracies.are_far_apart:
        return ["The network performs better on its training images than on new ones, which points to overfitting."]
    if accuracies.are_low_and_near and not mixes_images(settings, stage):
        return [f"Both accuracies are {accuracies.low_and_near}, which points to underfitting rather than overfitting."]
    return []
