"""Segments of JPEG files and chunks of PNG files, found with TensorFlow operations."""

from collections.abc import Callable

import tensorflow as tf

from kcifar.datasets.orientation import PNG_SIGNATURE

# The position at which a walk through a file ends.
_STOP = -1

Advance = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def take_bytes(content: tf.Tensor, start: tf.Tensor | int, length: tf.Tensor | int) -> tf.Tensor:
    """Return part of a string, as Python's slices do: nothing beyond the end."""
    size = tf.cast(tf.strings.length(content), tf.int64)
    return tf.strings.substr(content, tf.minimum(tf.cast(start, tf.int64), size), tf.cast(length, tf.int64))


def list_bytes(content: tf.Tensor) -> tf.Tensor:
    """Return the bytes of a string as int64 (length,)."""
    return tf.cast(tf.io.decode_raw(content, tf.uint8), tf.int64)


def combine_bytes(content: tf.Tensor, is_little_endian: tf.Tensor | bool = False) -> tf.Tensor:
    """Return the numbers, int64, whose bytes lie along the last axis; 0 for no bytes."""
    exponents = tf.range(tf.shape(content, tf.int64)[-1])
    return tf.reduce_sum(content * 256 ** tf.where(is_little_endian, exponents, exponents[::-1]), axis=-1)


def find_jpeg_segment(content: tf.Tensor, marker: int, prefix: bytes) -> tf.Tensor:
    """Return what follows the prefix in a JPEG's first segment with it before the scan, string (); empty if there is none.

    Args:
        content: The bytes of the file, string ().
        marker: The second byte of the segment's marker.
        prefix: The bytes with which its data begin.
    """

    def advance(position: tf.Tensor, data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        head = list_bytes(take_bytes(content, position, 4))
        kind, length = head[1], combine_bytes(head[2:])
        is_fill = kind == 0xFF
        has_no_length = (kind == 0x01) | ((kind >= 0xD0) & (kind <= 0xD7))
        is_end = (head[0] != 0xFF) | (kind == 0xDA) | (kind == 0xD9) | (~is_fill & ~has_no_length & (length < 2))
        segment = take_bytes(content, position + 4, tf.maximum(length - 2, 0))
        is_found = ~is_end & (kind == marker) & (take_bytes(segment, 0, len(prefix)) == prefix)
        step = tf.where(is_fill, _integer(1), tf.where(has_no_length, _integer(2), 2 + length))
        return tf.where(is_end | is_found, _integer(_STOP), position + step), tf.where(is_found, take_bytes(segment, len(prefix), length), data)

    return _walk(content, advance, start=2, head=4)


def find_png_chunk(content: tf.Tensor, kind: bytes) -> tf.Tensor:
    """Return the data of a PNG's first chunk of a kind, string (); empty if there is none."""

    def advance(position: tf.Tensor, data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length, found = combine_bytes(list_bytes(take_bytes(content, position, 4))), take_bytes(content, position + 4, 4)
        is_end = (found == kind) | (found == b"IEND")
        data = tf.where(found == kind, take_bytes(content, position + 8, length), data)
        return tf.where(is_end, _integer(_STOP), position + 12 + length), data

    return _walk(content, advance, start=len(PNG_SIGNATURE), head=8)


def _walk(content: tf.Tensor, advance: Advance, start: int, head: int) -> tf.Tensor:
    """Return the data found by going from block to block of a file, each of which has a head of some bytes."""
    size = tf.cast(tf.strings.length(content), tf.int64)

    def is_inside(position: tf.Tensor, _data: tf.Tensor) -> tf.Tensor:
        return (position >= 0) & (position + head <= size)

    return tf.while_loop(is_inside, advance, (_integer(start), tf.constant(b"")))[1]


def _integer(value: int) -> tf.Tensor:
    """Return a position or length."""
    return tf.constant(value, tf.int64)
