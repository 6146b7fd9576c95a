"""Filter gradients of bfloat16 convolutions under TensorFlow on a processor, where oneDNN's are several times slower than a forward pass.

oneDNN sums over the pixels of one row at a time. The rows of small images are too short to fill a matrix unit, so either the rows are
lengthened (images side by side), or the entire sum becomes matrix products.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from kcifar.core.lazy import tensorflow

# Takes images, the upstream gradient and the kernel's shape; returns the kernel's gradient.
FilterGradient = Callable[[Any, Any, Any], Any]

# Bounds of (output pixels per image, at most; input channels x filters, at least), measured on a grid over sides 2 to 16, 64 to 512 channels
# and batches 64 and 512. Against oneDNN's gradient, products are up to 12 times as fast, images side by side up to 2.2 times.
_SMALL = (16, 8_192)
_MIDDLE = (64, 16_384)
# From this number of input channels x filters, products are faster than images side by side for the middle sizes too.
_MANY_CHANNELS = 262_144
# For a strided kernel, whose patches must be copied first: 1.9 to 4 times as fast.
_STRIDED = (16, 32_768)
_SIDE_BY_SIDE = 4  # images; 8 and 16 are equally fast


def choose_filter_gradient(layer: Any) -> FilterGradient | None:
    """Return the fastest filter gradient for a Keras convolution, chosen by its shapes alone; None for TensorFlow's own."""
    if layer.compute_dtype != "bfloat16":
        return None
    height, width, filters = layer.output.shape[1:]
    pixels, products, stride = height * width, layer.input.shape[-1] * filters, layer.strides[0]
    if layer.kernel_size == (1, 1) and stride == 1:
        return compute_by_shifts
    if stride > 1:
        return partial(compute_by_patches, stride, layer.padding.upper()) if _within(_STRIDED, pixels, products) else None
    if layer.padding != "same" or not all(size % 2 for size in layer.kernel_size):
        return None
    if _within(_SMALL, pixels, products) or (_within(_MIDDLE, pixels, products) and products >= _MANY_CHANNELS):
        return compute_by_shifts
    return compute_side_by_side if _within(_MIDDLE, pixels, products) else None


def _within(bounds: tuple[int, int], pixels: int, products: int) -> bool:
    return pixels <= bounds[0] and products >= bounds[1]


def make_convolution(stride: int, padding: str, filter_gradient: FilterGradient) -> Any:
    """Return the convolution of images (batch, height, width, channels) and a kernel, with a custom filter gradient."""
    tf = tensorflow

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(images: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            strides = [1, stride, stride, 1]
            image_gradient = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images), filter=kernel, out_backprop=upstream, strides=strides, padding=padding
            )
            return image_gradient, filter_gradient(images, upstream, kernel.shape)

        return tf.nn.conv2d(images, kernel, stride, padding), gradients

    return convolve


def compute_side_by_side(images: Any, upstream: Any, kernel_shape: Any) -> Any:
    """Return the filter gradient of a convolution of stride 1, computed by oneDNN from four images side by side, separated by zeros.

    The zeros are the padding; where the upstream gradient is zero, nothing is added to the sum.
    """
    tf = tensorflow
    gap = kernel_shape[1] // 2
    wide_images, wide_upstream = _join_side_by_side(images, gap), _join_side_by_side(upstream, gap)
    return tf.raw_ops.Conv2DBackpropFilter(
        input=wide_images, filter_sizes=list(kernel_shape), out_backprop=wide_upstream, strides=[1, 1, 1, 1], padding="SAME"
    )


def _join_side_by_side(images: Any, gap: int) -> Any:
    """Return (batch / 4, height, 4 x (width + gap), channels); the batch is padded with images of zeros."""
    tf, (height, width, channels) = tensorflow, images.shape[1:]
    missing = -tf.shape(images)[0] % _SIDE_BY_SIDE
    padded = tf.pad(images, [[0, missing], [0, 0], [0, gap], [0, 0]])
    rows = tf.transpose(tf.reshape(padded, (-1, _SIDE_BY_SIDE, height, width + gap, channels)), (0, 2, 1, 3, 4))
    return tf.reshape(rows, (-1, height, _SIDE_BY_SIDE * (width + gap), channels))


def compute_by_shifts(images: Any, upstream: Any, kernel_shape: Any) -> Any:
    """Return the filter gradient of a convolution of stride 1: one product per position of the kernel."""
    tf = tensorflow
    rows, columns, channels, filters = kernel_shape
    above, left = rows // 2, columns // 2
    padded = tf.pad(images, [[0, 0], [above, above], [left, left], [0, 0]]) if rows * columns > 1 else images
    height, width = images.shape[1:3]
    flat = tf.reshape(upstream, (-1, filters))
    shifts = [padded[:, row : row + height, column : column + width] for row in range(rows) for column in range(columns)]
    products = [tf.matmul(tf.reshape(shift, (-1, channels)), flat, transpose_a=True) for shift in shifts]
    return tf.reshape(tf.stack(products), kernel_shape)


def compute_by_patches(stride: int, padding: str, images: Any, upstream: Any, kernel_shape: Any) -> Any:
    """Return the filter gradient of a strided convolution: a single product with the patches under the kernel."""
    tf = tensorflow
    rows, columns, channels, filters = kernel_shape
    patches = tf.image.extract_patches(images, [1, rows, columns, 1], [1, stride, stride, 1], [1, 1, 1, 1], padding)
    patches = tf.reshape(patches, (-1, rows * columns * channels))
    return tf.reshape(tf.matmul(patches, tf.reshape(upstream, (-1, filters)), transpose_a=True), kernel_shape)
