"""Data set + order + draws -> batches, all on the host; only uint8 images, a small table of draws and targets cross over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.augment.operation import Operation
from kcifar.augment.pipeline import draw_all
from kcifar.datasets.dataset import Part
from kcifar.randomness import Purpose, generator


@dataclass(frozen=True)
class EpochKey:
    """The numbers that decide all randomness of an epoch.

    Attributes:
        seed: The run's seed.
        stage: Index of the stage, from 0.
        epoch: Epoch within the stage, from 0.
    """

    seed: int
    stage: int
    epoch: int


@dataclass(frozen=True)
class Batch:
    """What one update needs.

    Attributes:
        images: uint8 (batch, height, width, 3).
        draws: float32 (batch, draws): the augmentation's parameters.
        targets: float32 (batch, classes), each row summing to 1.
    """

    images: np.ndarray
    draws: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class EpochBatches:
    """The batches of one epoch, each made when asked for; the images are gathered from the data set, which is never copied.

    Attributes:
        key: What the epoch's randomness depends on.
        part: All images that training may use.
        order: Indices into `part`, int64, in the order of the epoch.
        draws: float32 (len(part), draws), a row an image of `part`.
        num_classes: Width of the targets.
        batch_size: Images an update; the last batch holds what is left.
    """

    key: EpochKey
    part: Part
    order: np.ndarray
    draws: np.ndarray
    num_classes: int
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        targets = np.zeros((len(chosen), self.num_classes), np.float32)
        targets[np.arange(len(chosen)), self.part.labels[chosen]] = 1.0
        return Batch(self.part.images[chosen], self.draws[chosen], targets)


def epoch_batches(
    part: Part, indices: np.ndarray, key: EpochKey, operations: Sequence[Operation], num_classes: int, batch_size: int, last_batch: str
) -> EpochBatches:
    """Return the batches of one epoch, a pure function of the arguments.

    Args:
        part: All images that training may use, validation's among them.
        indices: Which of them are training images, int64, any order.
        key: What randomness depends on.
        operations: The augmentation; its draws are made for every image of `part`, so that a sample's do not depend on the split.
        num_classes: Width of the targets.
        batch_size: Images an update.
        last_batch: "keep" a smaller last batch, or "drop" it (unless it is the only one).
    """
    order = generator(Purpose.ORDER, key.seed, key.stage, key.epoch).permutation(np.sort(indices))
    if last_batch == "drop" and len(order) >= batch_size:
        order = order[: len(order) // batch_size * batch_size]
    height, width, channels = part.images.shape[1:]
    draws = draw_all(
        operations,
        lambda position: generator(Purpose.AUGMENTATION, key.seed, key.stage, key.epoch, position),
        len(part),
        (height, width, channels),
    )
    return EpochBatches(key, part, order, draws, num_classes, batch_size)
