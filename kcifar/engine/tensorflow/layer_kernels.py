"""Keras' layers on faster TensorFlow kernels; results and saved or exported files stay the same, except for rounding.

Measured on two cores with AMX, resnet18, batch 64, bfloat16 (`python -m kcifar.bench torch`): a step is 1.95 times as fast as Keras'.
Batch normalization by one kernel instead of a dozen elementwise operations makes it 1.5 times as fast (1.2 in float32), other filter
gradients (`filter_gradients`) another 1.2 times. Grouped convolutions, which Keras passes to XLA on a processor, train 60 times as fast
with TensorFlow's kernel (resnext29_32x4d, batch 16). GELU and SiLU, a dozen elementwise operations in value and derivative, are 2 to
6 times as fast as a single compiled pass each; ReLU, tanh and ELU gain too little to be worth their compilation.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kcifar.core.keras_internals import replace_call
from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu
from kcifar.engine.tensorflow.filter_gradients import FilterGradient, choose_filter_gradient, make_convolution

# Activations per image from which a compiled function is faster (measured, batch 64: slower at 1,176, 2 to 6 times as fast at 16,384).
_MIN_COMPILED_ACTIVATIONS = 2_048


def use_fast_kernels(network: Any) -> None:
    """Make a network's layers train on faster kernels; does nothing under backends other than TensorFlow.

    The layers remain Keras' own: only the instances in this process compute differently, so saved files do not depend on it.
    """
    if keras.config.backend() != "tensorflow":
        return
    on_processor = not has_gpu()
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            use_fast_kernels(layer)
        elif isinstance(layer, keras.layers.BatchNormalization) and _supports_fused_norm(layer):
            replace_call(layer, _call_fused_norm)
        elif on_processor and isinstance(layer, keras.layers.Activation) and _gains_by_compilation(layer):
            replace_call(layer, _call_compiled_activation)
        elif on_processor and isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            _use_fast_convolution(layer)


def _use_fast_convolution(layer: Any) -> None:
    """Choose a kernel by the shapes alone, so that the choice never varies."""
    if layer.data_format != "channels_last" or set(layer.dilation_rate) != {1} or len(set(layer.strides)) > 1:
        return
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        if _gains_by_float32(layer):
            replace_call(layer, _call_depthwise_convolution)
    elif layer.groups > 1:
        if _has_grouped_gradients():
            replace_call(layer, _call_grouped_convolution)
    elif (filter_gradient := choose_filter_gradient(layer)) is not None:
        replace_call(layer, partial(_call_convolution, filter_gradient))


def _supports_fused_norm(layer: Any) -> bool:
    """Whether TensorFlow's kernel supports the layer: its inputs are images with the channels last."""
    return len(layer.input.shape) == 4 and layer.axis in (-1, 3) and layer.compute_dtype in ("float32", "bfloat16")


def _call_fused_norm(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Normalize, and update the averages, as `keras.layers.BatchNormalization.call` does, but in training by one kernel."""
    if not training or mask is not None or not layer.trainable:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    tf, channels = tensorflow, inputs.shape[-1]
    gamma = tf.ones([channels]) if layer.gamma is None else tf.cast(tf.convert_to_tensor(layer.gamma), "float32")
    beta = tf.zeros([channels]) if layer.beta is None else tf.cast(tf.convert_to_tensor(layer.beta), "float32")
    empty = tf.zeros([0])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=gamma, offset=beta, mean=empty, variance=empty, epsilon=layer.epsilon, is_training=True, data_format="NHWC"
    )
    # The kernel reports a variance divided by n - 1; Keras averages the variance of the batch itself.
    count = tf.cast(tf.size(inputs) // channels, "float32")
    _update_average(layer.moving_mean, mean, layer.momentum)
    _update_average(layer.moving_variance, variance * ((count - 1) / count), layer.momentum)
    return outputs


def _gains_by_compilation(layer: Any) -> bool:
    """Whether TensorFlow computes a layer's activation in many passes over the images, and these are large enough."""
    many_passes = layer.activation in (keras.activations.gelu, keras.activations.silu)
    return many_passes and layer.compute_dtype in ("float32", "bfloat16") and math.prod(layer.output.shape[1:]) >= _MIN_COMPILED_ACTIVATIONS


def _call_compiled_activation(layer: Any, inputs: Any) -> Any:
    return compile_activation(layer.activation)(inputs)


@cache
def compile_activation(function: Callable[[Any], Any]) -> Any:
    """Return an activation whose value and derivative are one pass each, compiled by XLA, computed in float32.

    The derivative is computed from the inputs: storing TensorFlow's intermediate results between the passes costs more than it saves.
    """
    tf = tensorflow

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def compute_value(inputs: Any) -> Any:
        return tf.cast(function(tf.cast(inputs, "float32")), inputs.dtype)

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def compute_gradient(inputs: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            exact = tf.cast(inputs, "float32")
            tape.watch(exact)
            outputs = function(exact)
        return tf.cast(tape.gradient(outputs, exact, tf.cast(upstream, "float32")), inputs.dtype)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def activate(inputs: Any) -> Any:
        return compute_value(inputs), lambda upstream: compute_gradient(inputs, upstream)

    return activate


def _update_average(average: Any, value: Any, momentum: float) -> None:
    average.assign(average * momentum + value * (1.0 - momentum))


@cache
def _has_grouped_gradients() -> bool:
    """Whether this TensorFlow supports gradients of grouped convolutions on a processor; with oneDNN it does."""
    tf = tensorflow
    images, kernel = tf.zeros((1, 1, 1, 4)), tf.zeros((1, 1, 2, 4))
    try:
        tf.raw_ops.Conv2DBackpropInput(input_sizes=[1, 1, 1, 4], filter=kernel, out_backprop=images, strides=[1, 1, 1, 1], padding="SAME")
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return False
    return True


def _call_grouped_convolution(layer: Any, inputs: Any) -> Any:
    """Convolve groups of channels by TensorFlow's own kernel: Keras passes them to XLA, which takes 60 times as long in training."""
    kernel = tensorflow.convert_to_tensor(layer.kernel)
    return _add_bias_and_activate(layer, tensorflow.nn.conv2d(inputs, kernel, layer.strides[0], layer.padding.upper()))


def _call_convolution(filter_gradient: FilterGradient, layer: Any, inputs: Any) -> Any:
    """Convolve as `keras.layers.Conv2D.call` does, with another filter gradient."""
    kernel = tensorflow.convert_to_tensor(layer.kernel)
    return _add_bias_and_activate(layer, make_convolution(layer.strides[0], layer.padding.upper(), filter_gradient)(inputs, kernel))


def _add_bias_and_activate(layer: Any, outputs: Any) -> Any:
    if layer.use_bias:
        outputs = outputs + tensorflow.convert_to_tensor(layer.bias)
    return layer.activation(outputs)


def _gains_by_float32(layer: Any) -> bool:
    """Whether a depthwise convolution is slow in bfloat16: gradients of 5x5 and 9x9 kernels take 3 to 4 times as long (measured)."""
    return bool(layer.compute_dtype == "bfloat16") and math.prod(layer.kernel_size) >= 25


def _call_depthwise_convolution(layer: Any, inputs: Any) -> Any:
    """Convolve each channel in float32 and round the outputs."""
    tf, strides = tensorflow, (1, *layer.strides, 1)
    kernel = tf.cast(tf.convert_to_tensor(layer.kernel), "float32")
    outputs = tf.nn.depthwise_conv2d(tf.cast(inputs, "float32"), kernel, strides, layer.padding.upper())
    return _add_bias_and_activate(layer, tf.cast(outputs, inputs.dtype))
