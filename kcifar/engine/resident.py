"""The data set on the device: put there once, its batches made there from the epoch's order and draws.

`make_batch` gives what `EpochBatches.__getitem__` gives, to the bit but for the rounding of mixed targets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.lazy import keras
from kcifar.datasets.dataset import Part
from kcifar.planning.batches import EpochBatches

# A device whose memory is not known is taken to have this much, in bytes.
_ASSUMED_BYTES = 4 * 2**30
# Share of the memory that the images may take; the rest is for the network.
_SHARE = 4
# Updates of one call at most: it reports to the user only at its end.
_MOST = 256
# Chunks shorter than this are not worth being of equal length.
_LEAST = 16

Tables = dict[str, Any]


@dataclass(frozen=True)
class ResidentPart:
    """A part of a data set on the device.

    Attributes:
        source: The host's arrays that it was copied from.
        images: uint8 tensor (count, height, width, 3).
        labels: int32 tensor (count,).
    """

    source: Part
    images: Any
    labels: Any


def fits_device(part: Part, device_bytes: int | None) -> bool:
    """Whether the images take less than a quarter of a device's memory (of 4 GiB where that is None)."""
    return part.images.nbytes * _SHARE < (device_bytes or _ASSUMED_BYTES)


def put_on_device(part: Part) -> ResidentPart:
    """Copy a part to the device."""
    tensor = keras.ops.convert_to_tensor
    return ResidentPart(part, tensor(part.images), tensor(part.labels.astype(np.int32)))


def put_tables_on_device(batches: EpochBatches) -> Tables:
    """Copy to the device what an epoch does with a resident part: "order", "draws" and, where there are any, the rest of `EpochBatches`."""
    tables: dict[str, np.ndarray | None] = {
        "order": batches.order.astype(np.int32),
        "draws": batches.draws,
        "partners": None if batches.partners is None else batches.partners.astype(np.int32),
        "partner_draws": batches.partner_draws,
        "own_shares": batches.own_shares,
        "class_weights": batches.class_weights,
    }
    return {name: keras.ops.convert_to_tensor(table) for name, table in tables.items() if table is not None}


def rows_of(tables: Tables, first: Any, batch_size: int) -> Tables:
    """Return the rows of one batch.

    Args:
        tables: As put on the device.
        first: The batch's first place in the order, an int or an int32 scalar tensor.
        batch_size: Images of the batch.
    """
    places = first + keras.ops.arange(batch_size, dtype="int32")
    return {name: table if name == "class_weights" else keras.ops.take(table, places, axis=0) for name, table in tables.items()}


def make_batch(images: Any, labels: Any, rows: Tables, num_classes: int) -> tuple[Any, ...]:
    """Return inputs, targets and, with class weights, weights of a batch, as `program.training_data` does of the host's.

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
        others = ops.one_hot(ops.take(labels, rows["partners"], axis=0), num_classes, dtype="float32")
        own = rows["own_shares"][:, None]
        targets = own * targets + (1 - own) * others
    if "class_weights" not in rows:
        return inputs, targets
    # Not a product of matrices: on a GPU that would round its factors.
    return inputs, targets, ops.sum(targets * rows["class_weights"], axis=1)


def chunk_lengths(updates: int) -> list[int]:
    """Return how many updates each call of an epoch's full batches runs, at most 256; a function of the epoch's length alone.

    Each length is a program to compile. So there are two or more calls of one length, the first of which compiles and the second of which
    tells how long the updates take, where the number of updates has a divisor for it; else as few calls as there can be, whose lengths
    differ by one at most.

    Args:
        updates: Full batches of the epoch, >= 0.
    """
    equal = [length for length in range(_LEAST, min(updates // 2, _MOST) + 1) if updates % length == 0]
    if equal:
        return [equal[-1]] * (updates // equal[-1])
    chunks = -(-updates // _MOST)
    return [updates // chunks + (place < updates % chunks) for place in range(chunks)]
