"""What the convolutions of a network cost on their own: a lower bound for the time of a training update."""

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kcifar.benchmarks.timing import Call, make_random_tensor, measure_least_seconds
from kcifar.core.keras_internals import find_graph, iterate_nodes
from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu

Shape = tuple[int, ...]
IMAGES, KERNEL = 0, 1  # what a gradient is of


@dataclass(frozen=True)
class Convolution:
    """One use of a convolution in a network.

    Attributes:
        image_shape: Height, width and channels of its input.
        kernel_shape: Rows, columns, channels of a group, filters; depthwise: rows, columns, channels, filters of each channel.
        strides: Down, across.
        padding: "same" or "valid".
        dilation: Down, across.
        is_depthwise: Whether each channel is convolved separately.
        dtype: What it computes in.
        has_image_gradient: Whether training needs the gradient of its input, because a layer before it is trained.
        has_kernel_gradient: Whether its kernel is trained.
    """

    image_shape: Shape
    kernel_shape: Shape
    strides: tuple[int, int] = (1, 1)
    padding: str = "same"
    dilation: tuple[int, int] = (1, 1)
    is_depthwise: bool = False
    dtype: str = "float32"
    has_image_gradient: bool = True
    has_kernel_gradient: bool = True

    def make_passes(self, batch: int) -> Iterator[Call]:
        """Yield the forward pass over a batch of random images, then each backward pass that training needs, each as a separate call."""
        images, kernel = (make_random_tensor(shape, self.dtype) for shape in ((batch, *self.image_shape), self.kernel_shape))
        forward = compile_call(self._apply, images, kernel)
        yield forward
        upstream = forward()
        if self.has_image_gradient:
            yield _make_gradient(self._apply, IMAGES, (images, kernel), upstream)
        if self.has_kernel_gradient:
            yield _make_gradient(self._apply, KERNEL, (images, kernel), upstream)

    def _apply(self, images: Any, kernel: Any) -> Any:
        if self.is_depthwise:
            return keras.ops.depthwise_conv(images, kernel, self.strides, self.padding, "channels_last", self.dilation)
        if keras.config.backend() == "tensorflow":  # Keras gives groups to XLA, sixty times slower on processors: see tensorflow/layer_kernels.py
            return tensorflow.nn.convolution(images, kernel, self.strides, self.padding.upper(), dilations=self.dilation)
        return keras.ops.conv(images, kernel, self.strides, self.padding, "channels_last", self.dilation)


@dataclass(frozen=True)
class Floor:
    """The time that convolutions take on their own.

    Attributes:
        seconds: Sum over all that were measured, each times its number of uses.
        is_complete: Whether all were measured; the time for it may have run out.
    """

    seconds: float
    is_complete: bool


def measure_floor(network: Any, batch: int, seconds: float) -> Floor:
    """Measure every forward and backward pass of a network's convolutions separately, by the backend's own operations, and add them up.

    Args:
        network: A functional model whose layers are trainable or frozen as in training.
        batch: Images at once, > 0.
        seconds: No further convolution is measured after this time, > 0.
    """
    counts, started, total = Counter(find_convolutions(network)), time.perf_counter(), 0.0
    for convolution, uses in counts.items():
        if time.perf_counter() - started > seconds:
            return Floor(total, False)
        total += uses * sum(map(measure_least_seconds, convolution.make_passes(batch)))
    return Floor(total, True)


def find_convolutions(network: Any) -> list[Convolution]:
    """Return each use of a 2-D convolution in a network, from its first layers to its last; channels are the last axis."""
    convolutions: list[Convolution] = []
    _collect(network, [False] * len(network.inputs), convolutions)
    return convolutions


def _collect(network: Any, is_trained_before: Sequence[bool], convolutions: list[Convolution]) -> list[bool]:
    """Walk through a model's graph, collect its convolutions, and return for each output whether any layer before it is trained.

    Args:
        network: A functional or sequential model, perhaps within another one.
        is_trained_before: For each of its inputs, whether any layer before it is trained.
        convolutions: Convolutions are added here.
    """
    graph = find_graph(network)
    trained = {id(tensor): before for tensor, before in zip(graph.inputs, is_trained_before, strict=True)}
    for node in iterate_nodes(network):
        if node.is_input:
            continue
        before = [trained[id(tensor)] for tensor in node.input_tensors]
        if isinstance(node.operation, keras.Model):
            after = _collect(node.operation, before, convolutions)
        else:
            after = [any(before) or bool(getattr(node.operation, "trainable_weights", ()))] * len(node.output_tensors)
        if isinstance(node.operation, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            convolutions.append(_describe(node.operation, node.input_tensors[0].shape[1:], before[0]))
        trained |= {id(tensor): value for tensor, value in zip(node.output_tensors, after, strict=True)}
    return [trained[id(tensor)] for tensor in graph.outputs]


def _describe(layer: Any, image_shape: Shape, has_image_gradient: bool) -> Convolution:
    return Convolution(
        tuple(image_shape),
        tuple(layer.kernel.shape),
        tuple(layer.strides),
        layer.padding,
        tuple(layer.dilation_rate),
        isinstance(layer, keras.layers.DepthwiseConv2D),
        layer.compute_dtype,
        has_image_gradient,
        any(weight is layer.kernel for weight in layer.trainable_weights),
    )


def compile_call(function: Callable[..., Any], *inputs: Any) -> Call:
    """Return a call of a function on some tensors, compiled in advance as the backend compiles it in training (torch does not)."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        return partial(tensorflow.function(function, jit_compile=has_gpu()).get_concrete_function(*inputs), *inputs)
    if backend == "jax":
        return partial(importlib.import_module("jax").jit(function).lower(*inputs).compile(), *inputs)
    return partial(function, *inputs)


def _make_gradient(function: Callable[..., Any], of: int, inputs: tuple[Any, Any], upstream: Any) -> Call:
    """Return the backward pass of a function on its own: a compiler drops the forward pass, which a convolution's gradients do not need."""
    ways = {"tensorflow": _tensorflow_gradient, "jax": _jax_gradient, "torch": _torch_gradient}
    return ways[keras.config.backend()](function, of, inputs, upstream)


def _tensorflow_gradient(function: Callable[..., Any], of: int, inputs: tuple[Any, Any], upstream: Any) -> Call:
    def gradient(images: Any, kernel: Any, upstream: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            tape.watch((images, kernel))
            outputs = function(images, kernel)
        return tape.gradient(outputs, (images, kernel)[of], upstream)

    return compile_call(gradient, *inputs, upstream)


def _jax_gradient(function: Callable[..., Any], of: int, inputs: tuple[Any, Any], upstream: Any) -> Call:
    vjp = importlib.import_module("jax").vjp
    return compile_call(lambda images, kernel, upstream: vjp(function, images, kernel)[1](upstream)[of], *inputs, upstream)


def _torch_gradient(function: Callable[..., Any], of: int, inputs: tuple[Any, Any], upstream: Any) -> Call:
    leaves = [tensor.detach().requires_grad_(place == of) for place, tensor in enumerate(inputs)]
    outputs = function(*leaves)
    return partial(importlib.import_module("torch").autograd.grad, outputs, leaves[of], upstream, retain_graph=True)
