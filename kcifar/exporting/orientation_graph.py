"""The orientation rule of `kcifar/datasets/orientation.py` in TensorFlow operations, so that an exported model applies it without Python."""

import tensorflow as tf

from kcifar.datasets.orientation import PNG_SIGNATURE
from kcifar.exporting.file_blocks_graph import combine_bytes, find_jpeg_segment, find_png_chunk, list_bytes, take_bytes


def find_orientation(content: tf.Tensor) -> tf.Tensor:
    """Return the orientation, int64 () from 1 to 8, that a PNG or JPEG file asks for; its bytes are a string ()."""
    is_png = take_bytes(content, 0, len(PNG_SIGNATURE)) == PNG_SIGNATURE
    exif = tf.cond(is_png, lambda: find_png_chunk(content, b"eXIf"), lambda: find_jpeg_segment(content, 0xE1, b"Exif\0\0"))
    return _parse_orientation(exif)


def turn_upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Return pixels (height, width, channels) upright, from the orientation in which they are stored: int64 (), 1 to 8."""

    def is_one_of(*values: int) -> tf.Tensor:
        return tf.reduce_any(orientation == tf.constant(values, tf.int64))

    image = tf.cond(is_one_of(5, 6, 7, 8), lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    image = tf.cond(is_one_of(2, 3, 6, 7), lambda: image[:, ::-1], lambda: image)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: image[::-1], lambda: image)


def _parse_orientation(exif: tf.Tensor) -> tf.Tensor:
    """Return the orientation, int64 (), that the first directory of EXIF data names, or 1."""
    order, data = take_bytes(exif, 0, 2), list_bytes(exif)
    is_little_endian = order == b"II"
    directory = combine_bytes(data[4:8], is_little_endian)
    entries = data[directory + 2 :]
    count = tf.minimum(combine_bytes(data[directory : directory + 2], is_little_endian), tf.size(entries, tf.int64) // 12)
    entries = tf.reshape(entries[: 12 * count], (-1, 12))
    entries = tf.boolean_mask(entries, combine_bytes(entries[:, :2], is_little_endian) == 0x0112)[:1]
    kind = combine_bytes(entries[:, 2:4], is_little_endian)
    short, long = (combine_bytes(entries[:, 8 : 8 + size], is_little_endian) for size in (2, 4))
    value = tf.reduce_sum(tf.where(kind == 3, short, tf.where(kind == 4, long, tf.zeros_like(long))))
    is_valid = (is_little_endian | (order == b"MM")) & (value >= 1) & (value <= 8)
    return tf.where(is_valid, value, tf.ones_like(value))
