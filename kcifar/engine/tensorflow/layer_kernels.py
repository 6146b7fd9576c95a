"""The same layers on faster kernels of TensorFlow: what is computed, saved and exported stays the same, but for rounding.

Measured on two cores with AMX, resnet18, batch 64, bfloat16 (`python -m kcifar.bench torch`): a step is 1.95 times as fast as Keras'.
Taken one by one: batch normalisation by one kernel instead of a dozen elementwise operations 1.5 times (1.2 in float32); filter gradients
in another way (`filter_gradients`), another 1.2 times. Grouped convolutions, which Keras gives to XLA on a processor, train 60 times as
fast by TensorFlow's kernel (resnext29_32x4d, batch 16). GELU and SiLU, a dozen elementwise operations in value and derivative, are 2 to
6 times as fast as one compiled pass each; ReLU, tanh and ELU gain too little for their compilation.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from types import MethodType
from typing import Any

from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu
from kcifar.engine.tensorflow.filter_gradients import FilterGradient, chosen_filter_gradient, convolution

# Numbers of one image's activations from which a compiled function pays for its call (measured, batch 64: a loss at 1,176, 2 to 6 times at 16,384).
_ACTIVATION_GAIN = 2_048


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
        elif on_processor and isinstance(layer, keras.layers.Activation) and _fits_compiled_activation(layer):
            layer.call = MethodType(_compiled_activation, layer)
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
    elif (filter_gradient := chosen_filter_gradient(layer)) is not None:
        layer.call = MethodType(partial(_conv, filter_gradient), layer)


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


def _fits_compiled_activation(layer: Any) -> bool:
    """Whether an activation is one that TensorFlow computes in many passes over the images, and these are large enough."""
    many_passes = layer.activation in (keras.activations.gelu, keras.activations.silu)
    return many_passes and layer.compute_dtype in ("float32", "bfloat16") and math.prod(layer.output.shape[1:]) >= _ACTIVATION_GAIN


def _compiled_activation(layer: Any, inputs: Any) -> Any:
    return compiled_activation(layer.activation)(inputs)


@cache
def compiled_activation(function: Callable[[Any], Any]) -> Any:
    """Return an activation whose value and derivative are one pass each, compiled by XLA, in float32 inside.

    The derivative is computed again from the inputs: what TensorFlow's own keeps between the passes is larger than the work it saves.
    """
    tf = tensorflow

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def value(inputs: Any) -> Any:
        return tf.cast(function(tf.cast(inputs, "float32")), inputs.dtype)

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def gradient(inputs: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            exact = tf.cast(inputs, "float32")
            tape.watch(exact)
            outputs = function(exact)
        return tf.cast(tape.gradient(outputs, exact, tf.cast(upstream, "float32")), inputs.dtype)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def activate(inputs: Any) -> Any:
        return value(inputs), lambda upstream: gradient(inputs, upstream)

    return activate


def _move(average: Any, value: Any, momentum: float) -> None:
    average.assign(average * momentum + value * (1.0 - momentum))


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


def _conv(filter_gradient: FilterGradient, layer: Any, inputs: Any) -> Any:
    """Convolve as `keras.layers.Conv2D.call` does, with another filter gradient."""
    kernel = tensorflow.convert_to_tensor(layer.kernel)
    return _finish_conv(layer, convolution(layer.strides[0], layer.padding.upper(), filter_gradient)(inputs, kernel))


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
