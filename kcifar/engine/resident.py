"""The data set on the device: copied once, its batches made there from the epoch's order and draws.

`make_batch` returns the same values as `EpochBatches.__getitem__`, bit for bit except for the rounding of mixed targets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.lazy import keras
from kcifar.datasets.dataset import Split
from kcifar.planning.batches import EpochBatches

# Assumed memory of a device that does not report it, in bytes.
_ASSUMED_BYTES = 4 * 2**30
# The images may take one over this of the memory; the rest is for the network.
_MEMORY_DIVISOR = 4
# Most updates per call: it reports to the user only at its end.
_MAX_CHUNK = 256
# Chunks of equal length that are shorter than this do not pay for the additional calls.
_MIN_EQUAL_CHUNK = 16

# An epoch's order, draws and mixing partners on the device, by name; see `put_epoch_on_device`.
EpochArrays = dict[str, Any]


@dataclass(frozen=True)
class ResidentPart:
    """A part of a data set on the device.

    Attributes:
        source: The host's arrays that were copied.
        images: uint8 tensor (count, height, width, 3).
        labels: int32 tensor (count,).
    """

    source: Split
    images: Any
    labels: Any


def fits_device(part: Split, device_bytes: int | None) -> bool:
    """Whether the images take less than a quarter of a device's memory (of 4 GiB if that is None)."""
    return part.images.nbytes * _MEMORY_DIVISOR < (device_bytes or _ASSUMED_BYTES)


def put_on_device(part: Split) -> ResidentPart:
    """Copy a part to the device."""
    tensor = keras.ops.convert_to_tensor
    return ResidentPart(part, tensor(part.images), tensor(part.labels.astype(np.int32)))


def put_epoch_on_device(batches: EpochBatches) -> EpochArrays:
    """Copy an epoch's arrays to the device: "order", "draws" and those other arrays of `EpochBatches` that are not None."""
    arrays: dict[str, np.ndarray | None] = {
        "order": batches.order.astype(np.int32),
        "draws": batches.draws,
        "partners": None if batches.partners is None else batches.partners.astype(np.int32),
        "partner_draws": batches.partner_draws,
        "own_shares": batches.own_shares,
        "class_weights": batches.class_weights,
    }
    return {name: keras.ops.convert_to_tensor(array) for name, array in arrays.items() if array is not None}


def select_rows(arrays: EpochArrays, first: Any, batch_size: int) -> EpochArrays:
    """Return the rows of one batch.

    Args:
        arrays: As put on the device.
        first: Place in the order where the batch begins, an int or an int32 scalar tensor.
        batch_size: Images in the batch.
    """
    places = first + keras.ops.arange(batch_size, dtype="int32")
    return {name: array if name == "class_weights" else keras.ops.take(array, places, axis=0) for name, array in arrays.items()}


def make_batch(images: Any, labels: Any, rows: EpochArrays, num_classes: int) -> tuple[Any, ...]:
    """Return inputs, targets and, with class weights, weights of a batch, as `program.make_training_data` does on the host.

    Args:
        images: Of the resident part.
        labels: Of the resident part.
        rows: Of the batch.
        num_classes: Width of the targets.
    """
    ops = keras.ops
    inputs = {"images": ops.take(images, rows["order"], axis=0), "draws": rows["draws"]}
    targets = ops.one_hot(ops.take(labels, rows["order"], axis=0), num_classes, dtype="float32")
    if "partners" in rows:
        inputs |= {"partners": ops.take(images, rows["partners"], axis=0), "partner_draws": rows["partner_draws"]}
        partner_targets = ops.one_hot(ops.take(labels, rows["partners"], axis=0), num_classes, dtype="float32")
        fraction = rows["own_shares"][:, None]
        targets = fraction * targets + (1 - fraction) * partner_targets
    if "class_weights" not in rows:
        return inputs, targets
    # Not a matrix product: on a GPU that would round its factors.
    return inputs, targets, ops.sum(targets * rows["class_weights"], axis=1)


def choose_chunk_lengths(updates: int) -> list[int]:
    """Return the number of updates in each call over an epoch's full batches, at most 256; it depends only on the length of the epoch.

    Each distinct length is a program to compile. If the number of updates has a suitable divisor, there are two or more calls of one
    length: the first compiles, and the second shows how long the updates take. Otherwise there are as few calls as possible, with
    lengths that differ by at most one.

    Args:
        updates: Full batches in the epoch, >= 0.
    """
    equal = [length for length in range(_MIN_EQUAL_CHUNK, min(updates // 2, _MAX_CHUNK) + 1) if updates % length == 0]
    if equal:
        return [equal[-1]] * (updates // equal[-1])
    chunks = -(-updates // _MAX_CHUNK)
    return [updates // chunks + (place < updates % chunks) for place in range(chunks)]
