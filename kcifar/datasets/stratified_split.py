"""Selects validation (or test) images: the same for every seed of a run, with the same class fractions on both sides."""

import numpy as np

from kcifar.core.errors import UserError

# The second word of the generator's key, so that no other random numbers of kcifar share the stream of the same seed.
_STREAM = int.from_bytes(b"split", "big")


def split_off(labels: np.ndarray, amount: int | float, split_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split validation images off the training images, stratified by class.

    Each class contributes its exact fraction n * count / total, rounded up or down so that the counts add up to n; the larger
    remainders are rounded up, ties in the order of the classes. A class contributes its last training image only if there is no other
    way. So a small class may be missing from validation, and a class may be missing from training only if `amount` leaves fewer
    training images than classes.

    Args:
        labels: int (count,), class ids from 0.
        amount: int: that many images; float in [0, 1): that fraction, rounded to the nearest count (half to even); 0: none.
        split_seed: 0 to 2**64 - 1. The split depends on nothing else: it uses Philox' raw output, which is the same in all versions of NumPy.
    Returns:
        Indices of the training and of the validation images, int64, ascending; together they are all of `labels`.
    Raises:
        UserError: `amount` is negative, leaves no image for training, or is a fraction of less than half an image.
    """
    count = _count_held_out(len(labels), amount)
    if not 0 <= split_seed < 2**64:
        raise UserError(f"split_seed: expected an integer from 0 to 2**64 - 1, got {split_seed}")
    draws = np.random.Philox(key=np.array([split_seed, _STREAM], np.uint64)).random_raw(len(labels))
    held_out = np.zeros(len(labels), np.bool_)
    for label, quota in enumerate(_compute_quotas(np.bincount(labels), count)):
        members = np.flatnonzero(labels == label)
        held_out[members[np.argsort(draws[members], kind="stable")[:quota]]] = True
    return np.flatnonzero(~held_out).astype(np.int64), np.flatnonzero(held_out).astype(np.int64)


def _count_held_out(total: int, amount: int | float) -> int:
    count = round(amount * total) if isinstance(amount, float) else amount
    if amount < 0 or count >= total:
        raise UserError(f"expected fewer than the {total} training images (or a fraction in [0, 1)), got {amount}")
    if amount and not count:
        raise UserError(f"expected at least one image of the {total} (or 0, for none), got a fraction of {amount}")
    return count


def _compute_quotas(counts: np.ndarray, count: int) -> list[int]:
    """Return the number of images that each class contributes, by largest remainder, with integers only."""
    products = [int(size) * count for size in counts]
    total = int(counts.sum())
    quotas = [product // total for product in products]

    def rank(label: int) -> tuple[bool, int, int]:
        takes_last = quotas[label] + 1 >= counts[label]
        return bool(takes_last), -(products[label] % total), label

    rounded_up = [label for label in sorted(range(len(counts)), key=rank) if products[label] % total]
    for label in rounded_up[: count - sum(quotas)]:
        quotas[label] += 1
    return quotas
