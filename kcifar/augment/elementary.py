"""Elementary changes on the device: each image its own, all by the same three steps.

Fourteen whole candidates for each image, one of which is taken, would cost fourteen times as much. Instead every image is read once
through an affine map, blended once with another image made from it, and its levels are cut down and inverted; whatever is not its
change leaves it as it is. No table of 256 new levels for each image: XLA would compute an entry anew for each pixel that looks it up.
"""

from typing import Any

from kcifar.augment.changes import FACTOR, Column, Space, Towards
from kcifar.augment.warp import Sampling, warp
from kcifar.core.lazy import keras

# Pillow's luma (ITU-R 601-2) in 65536ths; they and the half that rounds stay below 2^24, so float32 sums are exact.
_LUMA = (19595, 38470, 7471)


def apply_numbers(images: Any, numbers: Any, space: Space, sampling: Sampling) -> Any:
    """Change every image by its own numbers, one after the other.

    Args:
        images: float32 tensor (batch, height, width, channels), values in 0..255. Three channels are red, green and blue; one, or
            another number, have no colour.
        numbers: float32 tensor (batch, changes): whole numbers of `space`.
        space: What the numbers mean.
        sampling: See `warp`.
    Returns:
        float32 tensor of the same shape: whole grey levels, but for images that were not changed, which keep every bit.
    """
    ops = keras.ops
    table = ops.convert_to_tensor(space.rows(tuple(images.shape[1:3])))
    for column in range(numbers.shape[1]):
        rows = ops.take(table, ops.cast(numbers[:, column], "int32"), axis=0)
        images = _apply_rows(images, rows, sampling)
    return images


def _apply_rows(images: Any, rows: Any, sampling: Sampling) -> Any:
    ops = keras.ops
    towards, factor, step, threshold, changes = (rows[:, column][:, None, None, None] for column in list(Column)[Column.TOWARDS :])
    changed = warp(ops.floor(images + 0.5), rows, sampling)
    changed = _blend(changed, _other(changed, towards), ops.cast(factor, "float32") / FACTOR)
    step = ops.cast(step, "float32")
    changed = ops.floor(changed / step) * step  # Exact: steps are powers of two.
    changed = ops.where(changed >= ops.cast(threshold, "float32"), 255 - changed, changed)
    return ops.where(changes > 0, changed, images)


def _blend(images: Any, other: Any, factor: Any) -> Any:
    """Return other + factor x (images - other), cut to 0..255 and to whole levels, as Pillow does."""
    ops = keras.ops
    return ops.floor(ops.clip(other + factor * (images - other), 0.0, 255.0))


def _other(images: Any, towards: Any) -> Any:
    """Return what each image is blended with: see `Towards`."""
    ops = keras.ops
    grey = _grey(images)
    others = {
        Towards.MEAN: _mean(grey),
        Towards.GREY: grey,
        Towards.SMOOTH: _smooth(images),
        Towards.STRETCHED: _stretched(images),
        Towards.EQUALIZED: _equalized(images),
    }
    chosen = ops.zeros_like(images)
    for name, other in others.items():
        chosen = ops.where(towards == int(name), other, chosen)
    return chosen


def _stretched(images: Any) -> Any:
    """Return each channel with its darkest level moved to 0 and its brightest to 255, whole levels (ImageOps.autocontrast)."""
    ops = keras.ops
    darkest, brightest = (extreme(images, axis=(1, 2), keepdims=True) for extreme in (ops.min, ops.max))
    spread = _whole_quotient(255 * (images - darkest), ops.maximum(brightest - darkest, 1.0))
    return ops.where(brightest > darkest, spread, images)


def _equalized(images: Any) -> Any:
    """Return the share of the channel's pixels that are darker, as a whole level (ImageOps.equalize)."""
    ops = keras.ops
    _, height, width, _ = images.shape
    brightest = ops.sum(ops.cast(images == ops.max(images, axis=(1, 2), keepdims=True), "int32"), axis=(1, 2), keepdims=True)
    step = (height * width - brightest) // 255
    spread = _whole_quotient(ops.cast(step // 2 + _darker(images), "float32"), ops.cast(ops.maximum(step, 1), "float32"))
    return ops.where(step > 0, ops.minimum(spread, 255.0), images)


def _whole_quotient(number: Any, divisor: Any) -> Any:
    """Return number // divisor of whole numbers >= 0 below 2^20, in float32: processors divide whole numbers far more slowly.

    The half leaves every quotient as far as it can be from the next whole number, whatever the rounding of the division.
    """
    return keras.ops.floor((number + 0.5) / divisor)


def _darker(images: Any) -> Any:
    """Return how many pixels of its image and channel are darker than each one: int32 (batch, height, width, channels).

    Counted by a sum by segment for each image and channel. Measured for 64 images of 32x32x3 on two cores under XLA: 1.3 ms, torch 12;
    products of one-hot halves of the levels 10 and 98 ms; comparison with all 256 levels 53 and 379.
    """
    ops = keras.ops
    _, height, width, channels = images.shape
    levels = ops.cast(ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height * width)), "int32")
    counts = ops.vectorized_map(lambda row: ops.segment_sum(ops.ones_like(row), row, 256), levels)
    table = ops.reshape(ops.cumsum(counts, axis=1) - counts, (-1,))  # of (batch x channels, 256)
    row = ops.reshape(ops.cumsum(ops.ones_like(levels[:, 0])) - 1, (-1, 1, 1, channels))
    return ops.take(table, row * 256 + ops.cast(images, "int32"), axis=0)


def _grey(images: Any) -> Any:
    """Return the whole grey value of each pixel, (batch, height, width, 1); images without colour are their own, channel by channel."""
    ops = keras.ops
    if images.shape[3] != 3:
        return images
    red, green, blue = (images[..., channel : channel + 1] * weight for channel, weight in enumerate(_LUMA))
    return ops.floor((red + green + blue + 32768) / 65536)


def _mean(grey: Any) -> Any:
    """Return the mean over each image, a whole level: float32 (batch, 1, 1, 1)."""
    ops = keras.ops
    count = grey.shape[1] * grey.shape[2] * grey.shape[3]
    total = ops.sum(ops.cast(grey, "int32"), axis=(1, 2, 3), keepdims=True)
    return ops.cast((2 * total + count) // (2 * count), "float32")


def _smooth(images: Any) -> Any:
    """Return the mean over 3x3 pixels, the middle counted five times, whole; the border as it is (ImageFilter.SMOOTH)."""
    ops = keras.ops
    _, height, width, _ = images.shape
    padded = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    three = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    nine = three[:, :, :-2] + three[:, :, 1:-1] + three[:, :, 2:]
    row, column = ops.arange(height)[None, :, None, None], ops.arange(width)[None, None, :, None]
    inside = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    return ops.where(inside, ops.floor((nine + 4 * images) / 13 + 0.5), images)  # 13ths never end in a half.
