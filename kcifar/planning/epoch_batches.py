"""Data set + order + draws -> the batches of one epoch, a pure function of its arguments."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kcifar.augment.operation import Occasion, Step
from kcifar.augment.pipeline import draw_all, find_mixing
from kcifar.core.randomness import Purpose, generator
from kcifar.datasets.dataset import Split
from kcifar.planning.batches import EpochBatches, EpochKey


def make_epoch_batches(
    part: Split,
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
    """Return the batches of one epoch.

    Args:
        part: All images of the training data, including those held out for validation.
        indices: The training images among them, int64, in any order.
        key: What the randomness depends on.
        operations: The augmentation; draws are made for every image of `part`, so that a sample's draws do not depend on the split.
        num_classes: Width of the targets.
        batch_size: Images per batch.
        last_batch: "keep" a smaller last batch, or "drop" it (unless it is the only one).
        sampling: "all" shows each image once; "balanced" shows each class equally often, so some images repeat and others are absent;
            partners of a mixing step are chosen likewise: any training image, or any class and then any image of it.
        class_weights: float32 (classes,), the weight of each class in the loss; None for none.
        image_shape: Height, width and channels that the augmentation sees, if images are resized before it; None for those of `part`.
    """
    training = np.sort(indices)
    order = _balanced_order(part.labels, training, key) if sampling == "balanced" else _shuffle(training, Purpose.ORDER, key)
    if last_batch == "drop" and len(order) >= batch_size:
        order = order[: len(order) // batch_size * batch_size]
    height, width, channels = image_shape or part.images.shape[1:]
    shape = (height, width, channels)
    first = draw_all(operations, _occasion(key), len(part), shape)
    occurrences = _count_earlier(order)
    draws = first[order]
    for occurrence in range(1, int(occurrences.max(initial=0)) + 1):
        places = np.flatnonzero(occurrences == occurrence)
        draws[places] = draw_all(operations, _occasion(key, occurrence), len(part), shape)[order[places]]
    plain = EpochBatches(key, part, order, draws, num_classes, batch_size, class_weights=class_weights)
    choose = _choose_balanced(part.labels, training) if sampling == "balanced" else _choose_any(training)
    return _add_partners(plain, choose, operations, occurrences, first, shape)


def _shuffle(indices: np.ndarray, purpose: Purpose, key: EpochKey) -> np.ndarray:
    shuffled: np.ndarray = generator(purpose, key.seed, key.stage, key.epoch).permutation(indices)
    return shuffled


def _balanced_order(labels: np.ndarray, training: np.ndarray, key: EpochKey) -> np.ndarray:
    """Return as many indices as there are training images: each class equally often, each image of a class equally often, give or take one."""
    classes = np.unique(labels[training])
    counts = np.diff(np.arange(len(classes) + 1) * len(training) // len(classes))
    chosen = []
    for label, count in zip(classes, counts, strict=True):
        random = generator(Purpose.SAMPLING, key.seed, key.stage, key.epoch, int(label))
        members = training[labels[training] == label]
        rounds = [random.permutation(members) for _ in range(-(-count // len(members)))]
        chosen.append(np.concatenate([np.empty(0, np.int64), *rounds])[:count])
    return _shuffle(np.concatenate(chosen), Purpose.ORDER, key)


def _count_earlier(order: np.ndarray) -> np.ndarray:
    """Return how often the index at each place occurs earlier in the order, int64."""
    by_index = np.argsort(order, kind="stable")
    ordered = order[by_index]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    occurrences = np.empty(len(order), np.int64)
    occurrences[by_index] = np.arange(len(order)) - starts
    return occurrences


# From one random number in [0, 1) per place to an index of the part per place.
_Choose = Callable[[np.ndarray], np.ndarray]


def _choose_any(training: np.ndarray) -> _Choose:
    """Return a choice among all training images, each equally likely."""
    return lambda chances: np.asarray(training[(chances * len(training)).astype(np.int64)])


def _choose_balanced(labels: np.ndarray, training: np.ndarray) -> _Choose:
    """Return a choice that is equally likely to be any class that has training images, then any image of the class."""
    by_class = training[np.argsort(labels[training], kind="stable")]
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)

    def choose(chances: np.ndarray) -> np.ndarray:
        # The integer part chooses the class; what remains is again uniform in [0, 1), and chooses the image.
        remainders, classes = np.modf(chances * len(counts))
        chosen = classes.astype(np.int64)
        return np.asarray(by_class[starts[chosen] + (remainders * counts[chosen]).astype(np.int64)])

    return choose


def _add_partners(
    batches: EpochBatches,
    choose: _Choose,
    operations: Sequence[Step],
    occurrences: np.ndarray,
    table: np.ndarray,
    shape: tuple[int, int, int],
) -> EpochBatches:
    """Give each place in the order a partner, if a step mixes images: a training image, chosen by the sample's own draw."""
    mixing = find_mixing(operations)
    if mixing is None:
        return batches
    step, columns = mixing
    partners = np.empty(len(batches.order), np.int64)
    key, count = batches.key, len(batches.part)
    for occurrence in range(int(occurrences.max(initial=0)) + 1):
        places = np.flatnonzero(occurrences == occurrence)
        chances = generator(Purpose.PARTNER, key.seed, key.stage, key.epoch, occurrence).random(count)
        partners[places] = choose(chances[batches.order[places]])
    shares = step.own_share(batches.draws[:, columns], shape)
    return replace(batches, partners=partners, partner_draws=table[partners], own_shares=shares)


def _occasion(key: EpochKey, occurrence: int = 0) -> Occasion:
    return Occasion(key.seed, key.stage, key.epoch, (), key.total_epoch, occurrence)
