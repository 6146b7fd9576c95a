"""Which training images become validation images: the same for every seed, and the same class shares in both."""

import numpy as np

from kcifar.core.errors import UserError

# The second word of the generator's key, so that no other draw of kcifar shares the stream of the same seed.
_STREAM = int.from_bytes(b"split", "big")


def split(labels: np.ndarray, validation: int | float, split_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide images into a training and a validation part, stratified by class.

    Each class gives its exact share n * count / total, rounded up or down so that the counts add up to n; the larger remainders are
    rounded up, ties in the order of the classes. A class gives its last training image only if there is no other way. So a class
    may be missing from validation if it is small, and from training only if `validation` leaves less than one image a class.

    Args:
        labels: int (count,), class ids from 0.
        validation: int: that many images; float in [0, 1): that share, rounded to the nearest count (half to even); 0: none.
        split_seed: 0 to 2**64 - 1. Nothing else decides: Philox' raw output, which NumPy keeps the same between versions.
    Returns:
        Indices of the training and of the validation images, int64, ascending; together they are all of `labels`.
    Raises:
        UserError: `validation` is negative, leaves no image for training, or is a share of less than half an image.
    """
    count = _validation_count(len(labels), validation)
    if not 0 <= split_seed < 2**64:
        raise UserError(f"split_seed: expected an integer from 0 to 2**64 - 1, got {split_seed}")
    draws = np.random.Philox(key=np.array([split_seed, _STREAM], np.uint64)).random_raw(len(labels))
    taken = np.zeros(len(labels), np.bool_)
    for label, quota in enumerate(_quotas(np.bincount(labels), count)):
        members = np.flatnonzero(labels == label)
        taken[members[np.argsort(draws[members], kind="stable")[:quota]]] = True
    return np.flatnonzero(~taken).astype(np.int64), np.flatnonzero(taken).astype(np.int64)


def _validation_count(total: int, validation: int | float) -> int:
    count = round(validation * total) if isinstance(validation, float) else validation
    if validation < 0 or count >= total:
        raise UserError(f"expected fewer than the {total} training images (or a share in [0, 1)), got {validation}")
    if validation and not count:
        raise UserError(f"expected at least one image of the {total} (or 0, for none), got a share of {validation}")
    return count


def _quotas(counts: np.ndarray, count: int) -> list[int]:
    """Return how many images each class gives, by largest remainder, in whole numbers throughout."""
    shares = [int(size) * count for size in counts]
    total = int(counts.sum())
    quotas = [share // total for share in shares]

    def urgency(label: int) -> tuple[bool, int, int]:
        takes_last = quotas[label] + 1 >= counts[label]
        return bool(takes_last), -(shares[label] % total), label

    rounded_up = [label for label in sorted(range(len(counts)), key=urgency) if shares[label] % total]
    for label in rounded_up[: count - sum(quotas)]:
        quotas[label] += 1
    return quotas
