"""The size of a network and its graph: parameters, bytes and multiply-accumulates, a row a layer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.lazy import keras

Shape = tuple[int, ...]

# What a layer is set to, as far as a reader or a picture of the network asks for it.
_SETTINGS = ("filters", "units", "kernel_size", "pool_size", "strides", "groups", "depth_multiplier", "num_heads", "key_dim", "rate")


@dataclass(frozen=True)
class _Call:
    """One use of a layer: the layers that it takes from, and shapes without the batch."""

    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape


def model_summary(network: Any) -> dict[str, Any]:
    """Count what a network holds and what one image costs, from its layers alone: nothing is run.

    Args:
        network: A functional model, or a sketch of one; a model among its layers is counted layer by layer.
    Returns:
        Plain containers, ready for JSON: `name`, `parameters`, `trainable_parameters`, `bytes` (of the parameters as held),
        `multiply_accumulates` (of one image through convolutions, dense layers, attention, dot products; all else counts 0) and `layers`, a
        list of rows. A row has `name`, `type`, `inputs` (names of the layers whose outputs the layer takes, in order),
        `output_shape` (without the batch), `parameters`, `multiply_accumulates` and, where the layer has them, `activation` (but
        for linear ones), `filters`, `units`, `kernel_size`, `pool_size`, `strides`, `groups`, `depth_multiplier`, `num_heads`,
        `key_dim`, `rate`. A layer that is used more than once is one row: its inputs and multiply-accumulates are of all uses.
    """
    names = _unique_names(network)
    calls: dict[int, list[_Call]] = {}
    _trace(network, [()] * len(network.inputs), names, calls)
    rows = [_row(layer, names[id(layer)], calls[id(layer)]) for layer, _ in _flat_layers(network)]
    return {
        "name": network.name,
        "parameters": sum(_size(variable) for variable in network.weights),
        "trainable_parameters": sum(_size(variable) for variable in network.trainable_weights),
        "bytes": sum(_size(variable) * np.dtype(variable.dtype).itemsize for variable in network.weights),
        "multiply_accumulates": sum(row["multiply_accumulates"] for row in rows),
        "layers": rows,
    }


def _graph(network: Any) -> Any:
    """Return the functional model that a sequential one keeps, or the model itself."""
    return getattr(network, "_functional", None) or network


def _flat_layers(network: Any) -> Iterator[tuple[Any, str]]:
    """Yield every layer once, in order, with its model's name; those of a model within the model come in its place."""
    for layer in dict.fromkeys(_graph(network).layers):
        if isinstance(layer, keras.Model):
            yield from _flat_layers(layer)
        else:
            yield layer, network.name


def _unique_names(network: Any) -> dict[int, str]:
    """Name each layer by its id; inside a model within the model, a name that is taken already gets the model's in front."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for layer, owner in _flat_layers(network):
        names[id(layer)] = f"{owner}/{layer.name}" if layer.name in taken else layer.name
        taken.add(names[id(layer)])
    return names


def _trace(network: Any, given: Sequence[tuple[str, ...]], names: dict[int, str], calls: dict[int, list[_Call]]) -> list[tuple[str, ...]]:
    """Follow the tensors through a model and note each call of a layer.

    Args:
        network: A functional or sequential model.
        given: For each of its inputs, the layers outside that it comes from.
        names: See `_unique_names`.
        calls: Filled with the calls of each layer, by the layer's id.
    Returns:
        For each output of the model, the layers that it comes from.
    """
    graph = _graph(network)
    origins = {id(tensor): source for tensor, source in zip(graph.inputs, given, strict=True)}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            tensors = node.output_tensors if node.is_input else node.input_tensors
            sources = [origins[id(tensor)] for tensor in tensors]
            if isinstance(node.operation, keras.Model):
                made = _trace(node.operation, sources, names, calls)
            else:
                made = [_note_call(node, sources, names, calls)] * len(node.output_tensors)
            origins |= {id(tensor): source for tensor, source in zip(node.output_tensors, made, strict=True)}
    return [origins[id(tensor)] for tensor in graph.outputs]


def _note_call(node: Any, sources: Sequence[tuple[str, ...]], names: dict[int, str], calls: dict[int, list[_Call]]) -> tuple[str, ...]:
    """Note a layer's call and return its name; of an operation that is no layer, return the layers behind it."""
    inputs = tuple(dict.fromkeys(name for source in sources for name in source))
    layer = node.operation
    if id(layer) not in names:
        return inputs
    shapes = tuple(_shape(tensor) for tensor in node.input_tensors)
    calls.setdefault(id(layer), []).append(_Call(inputs, shapes, _shape(node.output_tensors[0])))
    return (names[id(layer)],)


def _row(layer: Any, name: str, calls: Sequence[_Call]) -> dict[str, Any]:
    return {
        "name": name,
        "type": type(layer).__name__,
        "inputs": list(dict.fromkeys(source for call in calls for source in call.inputs)),
        "output_shape": list(calls[0].output_shape),
        "parameters": layer.count_params(),
        "multiply_accumulates": sum(_multiply_accumulates(layer, call) for call in calls),
        **_settings(layer),
    }


def _settings(layer: Any) -> dict[str, Any]:
    """Return the layer's own numbers and activation as plain values."""
    found = {key: getattr(layer, key) for key in _SETTINGS if isinstance(getattr(layer, key, None), int | float | tuple)}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return plain if activation == "linear" else plain | {"activation": activation}


def _multiply_accumulates(layer: Any, call: _Call) -> int:
    """Return the products summed for one image; the bias is not one."""
    layers = keras.layers
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention_products(layer, call)
    if isinstance(layer, layers.EinsumDense):
        return _einsum_products(layer, call)
    if isinstance(layer, layers.Dot):
        return _dot_products(layer, call)
    if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
        # Every position of the output (pixels of a convolution, rows of a dense layer) uses every number of the kernel once: a
        # grouped kernel is already stored as (height, width, input channels of one group, filters).
        return math.prod(call.output_shape[:-1]) * _size(layer.kernel)
    return 0


def _einsum_products(layer: Any, call: _Call) -> int:
    """Each number of the input meets those along the axes of the kernel that the input lacks: "c" in "abd,dc->abc"."""
    taken, kernel = layer.equation.split("->")[0].split(",")
    made = [size for axis, size in zip(kernel, layer.kernel.shape, strict=True) if axis not in taken]
    return math.prod((*call.input_shapes[0], *made))


def _dot_products(layer: Any, call: _Call) -> int:
    """Each number of the output sums over the axis that both inputs share; Keras counts it with the batch."""
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    shape = call.input_shapes[0]
    return math.prod((*call.output_shape, shape[axis - 1 if axis > 0 else axis]))


def _attention_products(layer: Any, call: _Call) -> int:
    """Projections of query, key, value and output, and for each head the products query x key and weights x value."""
    query, value = call.input_shapes[0], call.input_shapes[1]
    asking, asked = math.prod(query[:-1]), math.prod(value[:-1])
    heads: int = layer.num_heads * (layer.key_dim + layer.value_dim)
    projections = asking * (_size(layer.query_dense.kernel) + _size(layer.output_dense.kernel))
    projections += asked * (_size(layer.key_dense.kernel) + _size(layer.value_dense.kernel))
    return projections + asking * asked * heads


def _shape(tensor: Any) -> Shape:
    """Return a tensor's shape without its batch axis."""
    return tuple(tensor.shape[1:])


def _size(variable: Any) -> int:
    return math.prod(variable.shape)
