"""Data set + order + draws -> batches, all on the host; only uint8 images, a small table of draws and targets cross over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kcifar.augment.operation import Occasion, Step
from kcifar.augment.pipeline import draw_all, mixing_columns
from kcifar.core.randomness import Purpose, generator
from kcifar.datasets.dataset import Part


@dataclass(frozen=True)
class EpochKey:
    """The numbers that decide all randomness of an epoch.

    Attributes:
        seed: The run's seed.
        stage: Index of the stage, from 0.
        epoch: Epoch within the stage, from 0.
        total_epoch: Epoch over all stages, from 0: what alternates goes on alternating from stage to stage.
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
    """What one update needs.

    Attributes:
        images: uint8 (batch, height, width, 3).
        draws: float32 (batch, draws): the augmentation's parameters.
        targets: float32 (batch, classes), each row summing to 1.
        partners: What the images are mixed with; None where nothing mixes.
        weights: float32 (batch,), each sample's weight in the loss; None for 1.
    """

    images: np.ndarray
    draws: np.ndarray
    targets: np.ndarray
    partners: Partners | None = None
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class EpochBatches:
    """The batches of one epoch, each made when asked for; the images are gathered from the data set, which is never copied.

    Attributes:
        key: What the epoch's randomness depends on.
        part: All images that training may use.
        order: Indices into `part`, int64, in the order of the epoch.
        draws: float32 (len(order), draws), a row for each place in the order.
        partners: Indices into `part`, int64 (len(order),), or None where nothing mixes.
        partner_draws: float32, the partners' rows, or None.
        own_shares: float32 (len(order),), how much of each mixed image is its own, or None.
        num_classes: Width of the targets.
        batch_size: Images a batch; the last one holds what is left.
        class_weights: float32 (classes,), or None.
    """

    key: EpochKey
    part: Part
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
        own = self.own_shares[places, None]
        others = _one_hot(self.part.labels[self.partners[places]], self.num_classes)
        return np.asarray(own * targets + (1 - own) * others)

    def _partners(self, places: slice) -> Partners | None:
        if self.partners is None or self.partner_draws is None:
            return None
        return Partners(self.part.images[self.partners[places]], self.partner_draws[places])


def epoch_batches(
    part: Part,
    indices: np.ndarray,
    key: EpochKey,
    operations: Sequence[Step],
    num_classes: int,
    batch_size: int,
    last_batch: str,
    *,
    sampling: str = "all",
    class_weights: np.ndarray | None = None,
    image_shape: tuple[int, int, int] | None = None,
) -> EpochBatches:
    """Return the batches of one epoch, a pure function of the arguments.

    Args:
        part: All images that training may use, validation's among them.
        indices: Which of them are training images, int64, any order.
        key: What randomness depends on.
        operations: The augmentation; its draws are made for every image of `part`, so that a sample's do not depend on the split.
        num_classes: Width of the targets.
        batch_size: Images a batch.
        last_batch: "keep" a smaller last batch, or "drop" it (unless it is the only one).
        sampling: "all" shows each image once; "balanced" shows each class equally often, so some images again and others not.
        class_weights: float32 (classes,), the weight of each class in the loss; None for none.
        image_shape: Height, width and channels that the augmentation sees, where images are resized before it; None for the part's.
    """
    training = np.sort(indices)
    order = _balanced_order(part.labels, training, key) if sampling == "balanced" else _shuffled(training, Purpose.ORDER, key)
    if last_batch == "drop" and len(order) >= batch_size:
        order = order[: len(order) // batch_size * batch_size]
    height, width, channels = image_shape or part.images.shape[1:]
    shape = (height, width, channels)
    first = draw_all(operations, _occasion(key), len(part), shape)
    occurrences = _occurrences(order)
    draws = first[order]
    for occurrence in range(1, int(occurrences.max(initial=0)) + 1):
        places = np.flatnonzero(occurrences == occurrence)
        draws[places] = draw_all(operations, _occasion(key, occurrence), len(part), shape)[order[places]]
    plain = EpochBatches(key, part, order, draws, num_classes, batch_size, class_weights=class_weights)
    return _mixed(plain, training, operations, occurrences, first, shape)


def class_weights(rule: str | Sequence[float] | None, labels: np.ndarray, num_classes: int) -> np.ndarray | None:
    """Return the weight of each class in the loss, float32 (classes,), or None for none.

    Args:
        rule: "balanced": samples / (classes * the class's samples), as scikit-learn has it, so that every class counts the same, and 0
            for a class without samples; or the weights themselves; or None.
        labels: Of the training images.
        num_classes: How many classes there are.
    """
    if rule is None or not isinstance(rule, str):
        return None if rule is None else np.asarray(rule, np.float32)
    counts = np.bincount(labels, minlength=num_classes)
    return np.divide(len(labels) / num_classes, counts, out=np.zeros(num_classes), where=counts > 0).astype(np.float32)


def _shuffled(indices: np.ndarray, purpose: Purpose, key: EpochKey) -> np.ndarray:
    shuffled: np.ndarray = generator(purpose, key.seed, key.stage, key.epoch).permutation(indices)
    return shuffled


def _balanced_order(labels: np.ndarray, training: np.ndarray, key: EpochKey) -> np.ndarray:
    """Return as many indices as there are training images, each class equally often, and each image of a class as often as the next."""
    classes = np.unique(labels[training])
    shares = np.diff(np.arange(len(classes) + 1) * len(training) // len(classes))
    chosen = []
    for label, share in zip(classes, shares, strict=True):
        random = generator(Purpose.SAMPLING, key.seed, key.stage, key.epoch, int(label))
        own = training[labels[training] == label]
        rounds = [random.permutation(own) for _ in range(-(-share // len(own)))]
        chosen.append(np.concatenate([np.empty(0, np.int64), *rounds])[:share])
    return _shuffled(np.concatenate(chosen), Purpose.ORDER, key)


def _occurrences(order: np.ndarray) -> np.ndarray:
    """Return how often each place's index came before in the order, int64."""
    by_index = np.argsort(order, kind="stable")
    ordered = order[by_index]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    occurrences = np.empty(len(order), np.int64)
    occurrences[by_index] = np.arange(len(order)) - starts
    return occurrences


def _mixed(
    batches: EpochBatches,
    training: np.ndarray,
    operations: Sequence[Step],
    occurrences: np.ndarray,
    table: np.ndarray,
    shape: tuple[int, int, int],
) -> EpochBatches:
    """Give each place of the order its partner, if a step mixes: any training image, by the sample's own draw."""
    found = mixing_columns(operations)
    if found is None:
        return batches
    mixing, columns = found
    partners = np.empty(len(batches.order), np.int64)
    key, count = batches.key, len(batches.part)
    for occurrence in range(int(occurrences.max(initial=0)) + 1):
        places = np.flatnonzero(occurrences == occurrence)
        choice = generator(Purpose.PARTNER, key.seed, key.stage, key.epoch, occurrence).random(count)
        partners[places] = training[(choice[batches.order[places]] * len(training)).astype(np.int64)]
    shares = mixing.own_share(batches.draws[:, columns], shape)
    return replace(batches, partners=partners, partner_draws=table[partners], own_shares=shares)


def _occasion(key: EpochKey, occurrence: int = 0) -> Occasion:
    return Occasion(key.seed, key.stage, key.epoch, (), key.total_epoch, occurrence)


def _one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    targets = np.zeros((len(labels), num_classes), np.float32)
    targets[np.arange(len(labels)), labels] = 1.0
    return targets
