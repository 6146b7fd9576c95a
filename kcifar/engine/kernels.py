"""The same layers on faster kernels of TensorFlow: what is computed, saved and exported stays the same, but for rounding.

Measured on two cores with AMX, resnet18, batch 64, bfloat16 (`python -m kcifar.bench torch`): a step is 1.95 times as fast as Keras'.
Taken one by one: batch normalisation by one kernel instead of a dozen elementwise operations 1.5 times (1.2 in float32); filter gradients
by matrix products, where oneDNN's own are several times slower than a forward pass on small images, another 1.2 times. Grouped
convolutions, which Keras gives to XLA on a processor, train 60 times as fast by TensorFlow's kernel (resnext29_32x4d, batch 16).
"""

import math
from functools import cache
from types import MethodType
from typing import Any

from kcifar.engine.backend import has_gpu
from kcifar.lazy import keras, tensorflow

# From a grid over sides 2 to 16, 64 to 512 channels, batches 64 and 512: where nine products of shifted images beat oneDNN, by up to
# 12 times. Pairs (most output pixels an image, least input channels x filters).
_PRODUCT_GAINS = ((16, 8_192), (64, 32_768))
# Of a strided kernel, whose patches must be copied out first: 1.9 to 4 times.
_STRIDED_GAIN = (16, 32_768)


def quicken(network: Any) -> None:
    """Let a network's layers train on faster kernels; a no-op under other backends than TensorFlow.

    The layers stay what they are, Keras' own: only the instances of this process compute in another way, so that files that are saved
    need nothing of it.
    """
    if keras.config.backend() != "tensorflow":
        return
    on_processor = not has_gpu()
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            quicken(layer)
        elif isinstance(layer, keras.layers.BatchNormalization) and _fits_fused_norm(layer):
            layer.call = MethodType(_fused_norm, layer)
        elif on_processor and isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            _quicken_conv(layer)


def _quicken_conv(layer: Any) -> None:
    """Choose by the shapes alone, so that the choice never varies."""
    if layer.data_format != "channels_last" or set(layer.dilation_rate) != {1} or len(set(layer.strides)) > 1:
        return
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        if _gains_by_float32(layer):
            layer.call = MethodType(_depthwise_conv, layer)
    elif layer.groups > 1:
        if _has_grouped_gradients():
            layer.call = MethodType(_grouped_conv, layer)
    elif _gains_by_products(layer):
        layer.call = MethodType(_conv, layer)


def _fits_fused_norm(layer: Any) -> bool:
    """Whether TensorFlow's kernel can do what the layer does: images, the channels last."""
    return len(layer.input.shape) == 4 and layer.axis in (-1, 3) and layer.compute_dtype in ("float32", "bfloat16")


def _fused_norm(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Normalise and update the averages as `keras.layers.BatchNormalization.call` does, by one kernel, in training."""
    if not training or mask is not None or not layer.trainable:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    tf, channels = tensorflow, inputs.shape[-1]
    gamma = tf.ones([channels]) if layer.gamma is None else tf.cast(tf.convert_to_tensor(layer.gamma), "float32")
    beta = tf.zeros([channels]) if layer.beta is None else tf.cast(tf.convert_to_tensor(layer.beta), "float32")
    nothing = tf.zeros([0])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=gamma, offset=beta, mean=nothing, variance=nothing, epsilon=layer.epsilon, is_training=True, data_format="NHWC"
    )
    # The kernel divides by n - 1 for the average it reports; Keras keeps the variance of the batch itself.
    count = tf.cast(tf.size(inputs) // channels, "float32")
    _move(layer.moving_mean, mean, layer.momentum)
    _move(layer.moving_variance, variance * ((count - 1) / count), layer.momentum)
    return outputs


def _move(average: Any, value: Any, momentum: float) -> None:
    average.assign(average * momentum + value * (1.0 - momentum))


def _gains_by_products(layer: Any) -> bool:
    """Whether a bfloat16 convolution's filter gradient is faster as matrix products."""
    if layer.compute_dtype != "bfloat16":
        return False
    height, width, filters = layer.output.shape[1:]
    pixels, products = height * width, layer.input.shape[-1] * filters
    if layer.kernel_size == (1, 1) and layer.strides == (1, 1):
        return True
    if layer.strides == (1, 1):
        odd = all(size % 2 for size in layer.kernel_size)
        return layer.padding == "same" and odd and any(pixels <= most and products >= least for most, least in _PRODUCT_GAINS)
    return bool(pixels <= _STRIDED_GAIN[0] and products >= _STRIDED_GAIN[1])


@cache
def _has_grouped_gradients() -> bool:
    """Whether this TensorFlow has gradients of grouped convolutions on a processor: with oneDNN it does."""
    tf = tensorflow
    images, kernel = tf.zeros((1, 1, 1, 4)), tf.zeros((1, 1, 2, 4))
    try:
        tf.raw_ops.Conv2DBackpropInput(input_sizes=[1, 1, 1, 4], filter=kernel, out_backprop=images, strides=[1, 1, 1, 1], padding="SAME")
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return False
    return True


def _grouped_conv(layer: Any, inputs: Any) -> Any:
    """Convolve groups of channels by TensorFlow's own kernel: Keras sends them through XLA, which takes 60 times as long in training."""
    kernel = tensorflow.convert_to_tensor(layer.kernel)
    return _finish_conv(layer, tensorflow.nn.conv2d(inputs, kernel, layer.strides[0], layer.padding.upper()))


def _conv(layer: Any, inputs: Any) -> Any:
    """Convolve as `keras.layers.Conv2D.call` does, with another filter gradient."""
    kernel = tensorflow.convert_to_tensor(layer.kernel)
    return _finish_conv(layer, _convolution(layer.strides[0], layer.padding.upper())(inputs, kernel))


def _finish_conv(layer: Any, outputs: Any) -> Any:
    if layer.use_bias:
        outputs = outputs + tensorflow.convert_to_tensor(layer.bias)
    return layer.activation(outputs)


def _gains_by_float32(layer: Any) -> bool:
    """Whether a depthwise convolution is slow in bfloat16: gradients of 5x5 and 9x9 kernels take 3 to 4 times as long (measured)."""
    return bool(layer.compute_dtype == "bfloat16") and math.prod(layer.kernel_size) >= 25


def _depthwise_conv(layer: Any, inputs: Any) -> Any:
    """Convolve channel by channel in float32 and round the outputs."""
    tf, strides = tensorflow, (1, *layer.strides, 1)
    kernel = tf.cast(tf.convert_to_tensor(layer.kernel), "float32")
    outputs = tf.nn.depthwise_conv2d(tf.cast(inputs, "float32"), kernel, strides, layer.padding.upper())
    return _finish_conv(layer, tf.cast(outputs, inputs.dtype))


def _convolution(stride: int, padding: str) -> Any:
    """Return the convolution of images (batch, height, width, channels) and a kernel, its filter gradient by matrix products."""
    tf = tensorflow

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(images: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            strides = [1, stride, stride, 1]
            of_images = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images), filter=kernel, out_backprop=upstream, strides=strides, padding=padding
            )
            if stride == 1:
                return of_images, _shifted_products(images, upstream, kernel.shape)
            return of_images, _patch_products(images, upstream, kernel.shape, stride, padding)

        return tf.nn.conv2d(images, kernel, stride, padding), gradients

    return convolve


def _shifted_products(images: Any, upstream: Any, kernel_shape: Any) -> Any:
    """Return the filter gradient of a convolution of stride 1: one product for each position of the kernel."""
    tf = tensorflow
    rows, columns, channels, filters = kernel_shape
    above, left = rows // 2, columns // 2
    padded = tf.pad(images, [[0, 0], [above, above], [left, left], [0, 0]]) if rows * columns > 1 else images
    height, width = images.shape[1:3]
    flat = tf.reshape(upstream, (-1, filters))
    shifts = [padded[:, row : row + height, column : column + width] for row in range(rows) for column in range(columns)]
    products = [tf.matmul(tf.reshape(shift, (-1, channels)), flat, transpose_a=True) for shift in shifts]
    return tf.reshape(tf.stack(products), kernel_shape)


def _patch_products(images: Any, upstream: Any, kernel_shape: Any, stride: int, padding: str) -> Any:
    """Return the filter gradient of a strided convolution: one product with the patches under the kernel."""
    tf = tensorflow
    rows, columns, channels, filters = kernel_shape
    patches = tf.image.extract_patches(images, [1, rows, columns, 1], [1, stride, stride, 1], [1, 1, 1, 1], padding)
    patches = tf.reshape(patches, (-1, rows * columns * channels))
    return tf.reshape(tf.matmul(patches, tf.reshape(upstream, (-1, filters)), transpose_a=True), kernel_shape)
