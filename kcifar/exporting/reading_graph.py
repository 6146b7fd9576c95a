"""`decode_image` in TensorFlow operations: an exported model reads PNG and JPEG files as its run did, without Python.

What TensorFlow would read otherwise than Pillow, or not at all, is refused in words. TensorFlow's decoders give the bytes of Pillow's, with the
accurate cosine transform for JPEG; CMYK in a JPEG can differ by one level, as the two round the product with black differently.
"""

from dataclasses import dataclass

import tensorflow as tf

from kcifar.datasets.orientation import JPEG_SIGNATURE, PNG_SIGNATURE
from kcifar.datasets.reading import Reading
from kcifar.exporting.file_blocks_graph import combine_bytes, find_jpeg_segment, list_bytes, take_bytes
from kcifar.exporting.orientation_graph import find_orientation, turn_upright
from kcifar.exporting.resampling_graph import resize_image

# Pixels above which Pillow suspects a decompression bomb (`Image.MAX_IMAGE_PIXELS`).
MAX_PIXELS = 1024**3 // 4 // 3
# What other formats begin with, so that a refusal can name them.
_OTHER_FORMATS = {b"GIF8": "GIF", b"BM": "BMP", b"RIFF": "WebP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"<": "a text", b"": "no bytes"}


def read_images(files: tf.Tensor, reading: Reading) -> tf.Tensor:
    """Return uint8 (batch, height, width, 3), as `decode_image` reads each file.

    Args:
        files: The bytes of PNG or JPEG files, string (batch,).
        reading: How they become pixels.
    Raises:
        tf.errors.InvalidArgumentError: When the graph runs: another format, a damaged or suspiciously large file, values beyond the significant bits.
    """
    shape = tf.TensorSpec((reading.height, reading.width, 3), tf.uint8)
    with tf.device("CPU:0"):
        return tf.map_fn(lambda file: _read_image(_File(*file), reading), (tf.range(tf.size(files)), files), fn_output_signature=shape)


@dataclass(frozen=True)
class _File:
    """One file of a request: its place in the batch, int32 (), and its bytes, string ()."""

    number: tf.Tensor
    content: tf.Tensor

    def expect(self, condition: tf.Tensor, allowed: str, received: tf.Tensor | str) -> "_File":
        """Return the same file, whose bytes are refused when the graph runs unless a condition holds."""
        message = tf.strings.join(["image_bytes[", tf.strings.as_string(self.number), "]: expected ", allowed, ", got ", received])
        with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
            return _File(self.number, tf.identity(self.content))

    def starts_with(self, prefix: bytes) -> tf.Tensor:
        """Return whether the bytes begin with others."""
        return take_bytes(self.content, 0, len(prefix)) == prefix


def _read_image(file: _File, reading: Reading) -> tf.Tensor:
    is_png = file.starts_with(PNG_SIGNATURE)
    file = file.expect(is_png | file.starts_with(JPEG_SIGNATURE), "a PNG or JPEG file", _name_format(file))
    image = tf.cond(is_png, lambda: _decode_png(file, reading.bits), lambda: _decode_jpeg(file))
    return resize_image(turn_upright(image, find_orientation(file.content)), reading.height, reading.width, reading.resize)


def _name_format(file: _File) -> tf.Tensor:
    name = tf.constant("bytes of an unknown format")
    for prefix, other in _OTHER_FORMATS.items():
        is_other = file.starts_with(prefix) if prefix else tf.strings.length(file.content) == 0
        name = tf.where(is_other, other, name)
    return name


def _decode_jpeg(file: _File) -> tf.Tensor:
    """Return uint8 (height, width, 3) from a JPEG file, not turned or resized."""
    height, width, channels = tf.unstack(tf.io.extract_jpeg_shape(file.content, tf.int64))
    file = _expect_size(file, height, width)
    # Without Adobe's marker, TensorFlow takes CMYK for what Pillow takes for its inverse.
    is_known = (channels != 4) | (find_jpeg_segment(file.content, 0xEE, b"Adobe") != b"")
    file = file.expect(is_known, "gray, RGB or CMYK with an Adobe marker in a JPEG file", "CMYK without one")
    return tf.io.decode_jpeg(file.content, channels=3, fancy_upscaling=True, dct_method="INTEGER_ACCURATE")


def _decode_png(file: _File, bits: int) -> tf.Tensor:
    """Return uint8 (height, width, 3) from a PNG file, not turned or resized; of 16 bits, the upper 8 of the significant ones."""
    file = file.expect(tf.strings.length(file.content) > 25, "a PNG file", "only the first bytes of one")
    header = list_bytes(take_bytes(file.content, 16, 10))
    file = _expect_size(file, combine_bytes(header[4:8]), combine_bytes(header[:4]))
    if bits == 16:
        return tf.io.decode_png(file.content, channels=3)
    is_deep, is_gray = header[8] == 16, header[9] == 0
    file = file.expect(~is_deep | is_gray, f"gray values of {bits} significant bits in a PNG file of 16", "color")
    return tf.cond(is_deep, lambda: _decode_deep_gray(file, bits), lambda: tf.io.decode_png(file.content, channels=3))


def _decode_deep_gray(file: _File, bits: int) -> tf.Tensor:
    values = tf.cast(tf.io.decode_png(file.content, channels=1, dtype=tf.uint16), tf.int32)
    largest = tf.reduce_max(values)
    file = file.expect(largest < 1 << bits, f"gray values from 0 to {(1 << bits) - 1}", tf.strings.as_string(largest))
    with tf.control_dependencies([file.content]):
        return tf.repeat(tf.cast(tf.bitwise.right_shift(values, bits - 8), tf.uint8), 3, axis=2)


def _expect_size(file: _File, height: tf.Tensor, width: tf.Tensor) -> _File:
    received = tf.strings.join([tf.strings.as_string(side) for side in (height, width)], " x ")
    return file.expect(height * width <= MAX_PIXELS, f"an image of at most {MAX_PIXELS} pixels", received)
