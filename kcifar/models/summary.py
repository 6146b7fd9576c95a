"""The size of a network and its graph: parameters, bytes and multiply-accumulates, and one row per layer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.keras_internals import find_graph, iterate_nodes
from kcifar.core.lazy import keras

Shape = tuple[int, ...]

# The settings of a layer that readers and pictures of the network need.
_SETTINGS = ("filters", "units", "kernel_size", "pool_size", "strides", "groups", "depth_multiplier", "num_heads", "key_dim", "rate")


@dataclass(frozen=True)
class _Call:
    """One use of a layer: the layers that its inputs come from, and shapes without the batch axis."""

    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape


def summarize_model(network: Any) -> dict[str, Any]:
    """Count the parameters of a network and the cost of one image, from its layers alone: nothing is computed.

    Args:
        network: A functional model, or a sketch of one; a model among its layers is counted layer by layer.
    Returns:
        Plain containers, ready for JSON: `name`, `parameters`, `trainable_parameters`, `bytes` (of the parameters in memory),
        `multiply_accumulates` (of one image in convolutions, dense layers, attention and dot products; everything else counts 0) and
        `layers`, a list of rows. A row has `name`, `type`, `inputs` (names of the layers whose outputs the layer receives, in order),
        `output_shape` (without the batch axis), `parameters`, `multiply_accumulates` and, where the layer has them, `activation` (except
        linear ones), `filters`, `units`, `kernel_size`, `pool_size`, `strides`, `groups`, `depth_multiplier`, `num_heads`,
        `key_dim`, `rate`. A layer that is used more than once has one row: inputs and multiply-accumulates of all its uses.
    """
    names = _make_unique_names(network)
    calls: dict[int, list[_Call]] = {}
    _trace(network, [()] * len(network.inputs), names, calls)
    rows = [_make_row(layer, names[id(layer)], calls[id(layer)]) for layer, _ in _iterate_layers(network)]
    return {
        "name": network.name,
        "parameters": sum(_count_numbers(variable) for variable in network.weights),
        "trainable_parameters": sum(_count_numbers(variable) for variable in network.trainable_weights),
        "bytes": sum(_count_numbers(variable) * np.dtype(variable.dtype).itemsize for variable in network.weights),
        "multiply_accumulates": sum(row["multiply_accumulates"] for row in rows),
        "layers": rows,
    }


def _iterate_layers(network: Any) -> Iterator[tuple[Any, str]]:
    """Yield every layer once, in order, with its model's name; the layers of a nested model take its place."""
    for layer in dict.fromkeys(find_graph(network).layers):
        if isinstance(layer, keras.Model):
            yield from _iterate_layers(layer)
        else:
            yield layer, network.name


def _make_unique_names(network: Any) -> dict[int, str]:
    """Name each layer by its id; in a nested model, a name that is already used gets the model's name as a prefix."""
    names: dict[int, str] = {}
    used: set[str] = set()
    for layer, owner in _iterate_layers(network):
        names[id(layer)] = f"{owner}/{layer.name}" if layer.name in used else layer.name
        used.add(names[id(layer)])
    return names


def _trace(network: Any, sources: Sequence[tuple[str, ...]], names: dict[int, str], calls: dict[int, list[_Call]]) -> list[tuple[str, ...]]:
    """Follow the tensors through a model and record each call of a layer.

    Args:
        network: A functional or sequential model.
        sources: For each of its inputs, the outer layers that it comes from.
        names: See `_make_unique_names`.
        calls: Filled with the calls of each layer, by the layer's id.
    Returns:
        For each output of the model, the layers that it comes from.
    """
    graph = find_graph(network)
    origins = {id(tensor): source for tensor, source in zip(graph.inputs, sources, strict=True)}
    for node in iterate_nodes(network):
        tensors = node.output_tensors if node.is_input else node.input_tensors
        inputs = [origins[id(tensor)] for tensor in tensors]
        if isinstance(node.operation, keras.Model):
            outputs = _trace(node.operation, inputs, names, calls)
        else:
            outputs = [_record_call(node, inputs, names, calls)] * len(node.output_tensors)
        origins |= {id(tensor): source for tensor, source in zip(node.output_tensors, outputs, strict=True)}
    return [origins[id(tensor)] for tensor in graph.outputs]


def _record_call(node: Any, sources: Sequence[tuple[str, ...]], names: dict[int, str], calls: dict[int, list[_Call]]) -> tuple[str, ...]:
    """Record a layer's call and return its name; for an operation that is not a layer, return the layers before it."""
    inputs = tuple(dict.fromkeys(name for source in sources for name in source))
    layer = node.operation
    if id(layer) not in names:
        return inputs
    shapes = tuple(_get_shape(tensor) for tensor in node.input_tensors)
    calls.setdefault(id(layer), []).append(_Call(inputs, shapes, _get_shape(node.output_tensors[0])))
    return (names[id(layer)],)


def _make_row(layer: Any, name: str, calls: Sequence[_Call]) -> dict[str, Any]:
    return {
        "name": name,
        "type": type(layer).__name__,
        "inputs": list(dict.fromkeys(source for call in calls for source in call.inputs)),
        "output_shape": list(calls[0].output_shape),
        "parameters": layer.count_params(),
        "multiply_accumulates": sum(_count_multiply_accumulates(layer, call) for call in calls),
        **_read_settings(layer),
    }


def _read_settings(layer: Any) -> dict[str, Any]:
    """Return the layer's numbers and activation as plain values."""
    values = {key: getattr(layer, key) for key in _SETTINGS if isinstance(getattr(layer, key, None), int | float | tuple)}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return plain if activation == "linear" else plain | {"activation": activation}


def _count_multiply_accumulates(layer: Any, call: _Call) -> int:
    """Return the number of products summed for one image; biases do not count."""
    layers = keras.layers
    if isinstance(layer, layers.MultiHeadAttention):
        return _count_attention(layer, call)
    if isinstance(layer, layers.EinsumDense):
        return _count_einsum(layer, call)
    if isinstance(layer, layers.Dot):
        return _count_dot(layer, call)
    if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
        # Every position of the output (pixels of a convolution, rows of a dense layer) uses every number of the kernel once: a
        # grouped kernel is already stored as (height, width, input channels of one group, filters).
        return math.prod(call.output_shape[:-1]) * _count_numbers(layer.kernel)
    return 0


def _count_einsum(layer: Any, call: _Call) -> int:
    """Multiply the size of the input by the axes of the kernel that the input lacks: "c" in "abd,dc->abc"."""
    inputs, kernel = layer.equation.split("->")[0].split(",")
    added = [size for axis, size in zip(kernel, layer.kernel.shape, strict=True) if axis not in inputs]
    return math.prod((*call.input_shapes[0], *added))


def _count_dot(layer: Any, call: _Call) -> int:
    """Multiply the size of the output by the axis that both inputs share; Keras counts it including the batch axis."""
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    shape = call.input_shapes[0]
    return math.prod((*call.output_shape, shape[axis - 1 if axis > 0 else axis]))


def _count_attention(layer: Any, call: _Call) -> int:
    """Add the projections of query, key, value and output and, for each head, the products query x key and weights x value."""
    query_shape, value_shape = call.input_shapes[0], call.input_shapes[1]
    queries, values = math.prod(query_shape[:-1]), math.prod(value_shape[:-1])
    heads: int = layer.num_heads * (layer.key_dim + layer.value_dim)
    projections = queries * (_count_numbers(layer.query_dense.kernel) + _count_numbers(layer.output_dense.kernel))
    projections += values * (_count_numbers(layer.key_dense.kernel) + _count_numbers(layer.value_dense.kernel))
    return projections + queries * values * heads


def _get_shape(tensor: Any) -> Shape:
    """Return a tensor's shape without its batch axis."""
    return tuple(tensor.shape[1:])


def _count_numbers(variable: Any) -> int:
    return math.prod(variable.shape)
