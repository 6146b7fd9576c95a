"""The batches of one epoch, gathered when asked for: only uint8 images, a small table of draws and targets leave the host."""

from dataclasses import dataclass

import numpy as np

from kcifar.datasets.dataset import Split


@dataclass(frozen=True)
class EpochKey:
    """The numbers that determine all randomness of an epoch.

    Attributes:
        seed: The run's seed.
        stage: Index of the stage, from 0.
        epoch: Epoch within the stage, from 0.
        total_epoch: Epoch over all stages, from 0: an alternation continues from stage to stage.
    """

    seed: int
    stage: int
    epoch: int
    total_epoch: int = 0


@dataclass(frozen=True)
class Partners:
    """The images that a batch is mixed with.

    Attributes:
        images: uint8 (batch, height, width, 3).
        draws: float32 (batch, draws): the partners' own parameters.
    """

    images: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class Batch:
    """The data of one batch.

    Attributes:
        images: uint8 (batch, height, width, 3).
        draws: float32 (batch, draws): the augmentation's parameters.
        targets: float32 (batch, classes), each row summing to 1.
        partners: The images that they are mixed with; None if no step mixes images.
        weights: float32 (batch,), each sample's weight in the loss; None for 1.
    """

    images: np.ndarray
    draws: np.ndarray
    targets: np.ndarray
    partners: Partners | None = None
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class EpochBatches:
    """The batches of one epoch, each made on access; images are gathered from the data set, which is never copied.

    Attributes:
        key: What the epoch's randomness depends on.
        part: All images of the training data, including those held out for validation.
        order: Indices into `part`, int64, in the order of the epoch.
        draws: float32 (len(order), draws), one row for each place in the order.
        partners: Indices into `part`, int64 (len(order),), or None if no step mixes images.
        partner_draws: float32, the partners' rows of draws, or None.
        own_shares: float32 (len(order),), the fraction of each mixed image that is its own, or None.
        num_classes: Width of the targets.
        batch_size: Images per batch; the last batch contains the remainder.
        class_weights: float32 (classes,), or None.
    """

    key: EpochKey
    part: Split
    order: np.ndarray
    draws: np.ndarray
    num_classes: int
    batch_size: int
    partners: np.ndarray | None = None
    partner_draws: np.ndarray | None = None
    own_shares: np.ndarray | None = None
    class_weights: np.ndarray | None = None

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < len(self):
            raise IndexError(f"expected a batch from 0 to {len(self) - 1}, got {index}")
        places = slice(index * self.batch_size, (index + 1) * self.batch_size)
        chosen = self.order[places]
        targets = self._targets(places)
        weights = None if self.class_weights is None else targets @ self.class_weights
        return Batch(self.part.images[chosen], self.draws[places], targets, self._partners(places), weights)

    def _targets(self, places: slice) -> np.ndarray:
        targets = _one_hot(self.part.labels[self.order[places]], self.num_classes)
        if self.partners is None or self.own_shares is None:
            return targets
        fractions = self.own_shares[places, None]
        others = _one_hot(self.part.labels[self.partners[places]], self.num_classes)
        return np.asarray(fractions * targets + (1 - fractions) * others)

    def _partners(self, places: slice) -> Partners | None:
        if self.partners is None or self.partner_draws is None:
            return None
        return Partners(self.part.images[self.partners[places]], self.partner_draws[places])


def _one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    targets = np.zeros((len(labels), num_classes), np.float32)
    targets[np.arange(len(labels)), labels] = 1.0
    return targets
