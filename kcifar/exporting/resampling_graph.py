"""Pillow's resizing in TensorFlow operations: the same integers as `Image.resize`, `ImageOps.fit` and `ImageOps.pad`, bilinear, antialiased.

Pillow 13 resamples along the width, then along the height, or the other way round where the height shrinks by far more pixels; versions before
it never turn the order round, which changes a pixel by one level at most. The weights of a triangle, as wide as two source pixels or, where the
image shrinks, as two target pixels, become integers of 22 binary digits; sums are rounded to a byte after each direction (Pillow,
src/libImaging/Resample.c). Both directions are products with a sparse matrix of integers, so that nothing depends on the order of the additions.
"""

import tensorflow as tf

from kcifar.datasets.reading import Resize

_PRECISION_BITS = 22


def resize_image(image: tf.Tensor, height: int, width: int, resize: Resize) -> tf.Tensor:
    """Return uint8 (height, width, 3) as `decode_image` resizes.

    Args:
        image: uint8 (any height, any width, 3).
        height: Height of the result, > 0.
        width: Width of the result, > 0.
        resize: crop, stretch or pad.
    """
    pixels = tf.cast(image, tf.int32)
    if resize == "crop":
        pixels = _crop(pixels, height, width)
    elif resize == "pad":
        pixels = _pad(pixels, height, width)
    else:
        rows, columns = tf.unstack(tf.cast(tf.shape(pixels)[:2], tf.float64))
        pixels = _resample(pixels, (0.0, rows), (0.0, columns), height, width)
    return tf.ensure_shape(tf.cast(pixels, tf.uint8), (height, width, 3))


def _crop(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Resample the largest part in the middle that has the shape of the result (`ImageOps.fit`)."""
    rows, columns = tf.unstack(tf.cast(tf.shape(pixels)[:2], tf.float64))
    ratio = width / height
    is_wider = columns / rows >= ratio
    part_width, part_height = tf.where(is_wider, ratio * rows, columns), tf.where(is_wider, rows, columns / ratio)
    left, top = (columns - part_width) * 0.5, (rows - part_height) * 0.5
    return _resample(pixels, (top, top + part_height), (left, left + part_width), height, width)


def _pad(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Resample the entire image and put it in the middle of a black one (`ImageOps.pad`); what rounds to no pixels leaves it black."""
    rows, columns = tf.unstack(tf.cast(tf.shape(pixels)[:2], tf.float64))
    is_wider, is_taller = columns / rows > width / height, columns / rows < width / height
    inner_height = tf.where(is_wider, tf.round(rows / columns * width), height)
    inner_width = tf.where(is_taller, tf.round(columns / rows * height), width)
    sizes = [tf.cast(tf.maximum(size, 1), tf.int32) for size in (inner_height, inner_width)]
    inner = _resample(pixels, (0.0, rows), (0.0, columns), *sizes) * tf.cast(tf.minimum(inner_height, inner_width) > 0, tf.int32)
    top, left = (tf.cast(tf.round(tf.cast(whole - size, tf.float64) * 0.5), tf.int32) for whole, size in zip((height, width), sizes, strict=True))
    return tf.pad(inner, ((top, height - sizes[0] - top), (left, width - sizes[1] - left), (0, 0)))


Interval = tuple[tf.Tensor | float, tf.Tensor | float]


def _resample(pixels: tf.Tensor, rows: Interval, columns: Interval, height: tf.Tensor | int, width: tf.Tensor | int) -> tf.Tensor:
    """Resample part of an image.

    Args:
        pixels: int32 (any height, any width, 3), 0 to 255.
        rows: Where the part begins and ends, in pixels from the top.
        columns: The same from the left.
        height: Height of the result.
        width: Width of the result.
    Returns:
        int32 (height, width, 3), 0 to 255.
    """

    def resample_height(image: tf.Tensor) -> tf.Tensor:
        return _resample_axis(image, rows, height)

    def resample_width(image: tf.Tensor) -> tf.Tensor:
        return tf.transpose(_resample_axis(tf.transpose(image, (1, 0, 2)), columns, width), (1, 0, 2))

    fewer_rows, fewer_columns = tf.shape(pixels)[0] - height, tf.shape(pixels)[1] - width
    is_height_first = (fewer_rows > 0) & (fewer_rows > 2 * fewer_columns)
    return tf.cond(is_height_first, lambda: resample_width(resample_height(pixels)), lambda: resample_height(resample_width(pixels)))


def _resample_axis(pixels: tf.Tensor, part: Interval, size: tf.Tensor | int) -> tf.Tensor:
    rest = tf.shape(pixels)[1:]
    weights = _make_weights(tf.shape(pixels)[0], part, size)
    sums = tf.sparse.sparse_dense_matmul(weights, tf.reshape(pixels, (tf.shape(pixels)[0], -1)))
    rounded = tf.bitwise.right_shift(sums + (1 << (_PRECISION_BITS - 1)), _PRECISION_BITS)
    return tf.reshape(tf.clip_by_value(rounded, 0, 255), tf.concat(([size], rest), 0))


def _make_weights(available: tf.Tensor, part: Interval, size: tf.Tensor | int) -> tf.SparseTensor:
    """Return the weight, int32 times 2^-22, of each source pixel in each result: (size, available). Pillow keeps the part's ends as float32."""
    start, stop = (tf.cast(end, tf.float32) for end in part)
    scale = tf.cast(stop - start, tf.float64) / tf.cast(size, tf.float64)
    support = tf.maximum(scale, 1.0)
    centers = tf.cast(start, tf.float64) + (tf.range(size, dtype=tf.float64) + 0.5) * scale
    first = tf.maximum(tf.cast(centers - support + 0.5, tf.int32), 0)  # like C, the conversion drops what follows the point
    last = tf.minimum(tf.cast(centers + support + 0.5, tf.int32), available)
    sources = first[:, tf.newaxis] + tf.range(tf.reduce_max(last - first))
    is_inside = sources < last[:, tf.newaxis]
    distances = tf.abs(tf.cast(sources, tf.float64) - centers[:, tf.newaxis] + 0.5) * (1 / support)
    weights = tf.where(is_inside, tf.maximum(1 - distances, 0), 0)
    weights = weights / tf.reduce_sum(weights, axis=1, keepdims=True)
    positions = tf.where(is_inside)
    indices = tf.stack((positions[:, 0], tf.cast(tf.boolean_mask(sources, is_inside), tf.int64)), axis=1)
    values = tf.cast(0.5 + tf.boolean_mask(weights, is_inside) * (1 << _PRECISION_BITS), tf.int32)
    return tf.SparseTensor(indices, values, tf.cast(tf.stack((size, available)), tf.int64))
