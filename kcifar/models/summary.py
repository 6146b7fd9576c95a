"""The size of a network: parameters, bytes and multiply-accumulates, a row a layer."""

import math
from typing import Any

import numpy as np

from kcifar.lazy import keras


def model_summary(network: Any) -> dict[str, Any]:
    """Count what a network holds and what one image costs, from its layers alone: nothing is run.

    Args:
        network: A functional model, or a sketch of one; a model among its layers is counted layer by layer.
    Returns:
        Plain containers, ready for JSON: `name`, `parameters`, `trainable_parameters`, `bytes` (of the parameters as held),
        `multiply_accumulates` (of one image through convolutions and dense layers; all else counts 0) and `layers`, a list of
        rows `name`, `type`, `output_shape` (without the batch), `parameters`, `multiply_accumulates`.
    """
    rows = [_row(layer) for layer in _flat_layers(network)]
    return {
        "name": network.name,
        "parameters": sum(_size(variable) for variable in network.weights),
        "trainable_parameters": sum(_size(variable) for variable in network.trainable_weights),
        "bytes": sum(_size(variable) * np.dtype(variable.dtype).itemsize for variable in network.weights),
        "multiply_accumulates": sum(row["multiply_accumulates"] for row in rows),
        "layers": rows,
    }


def _flat_layers(network: Any) -> list[Any]:
    """Return the layers in order, those of a model within the model in its place."""
    nested = [_flat_layers(layer) if isinstance(layer, keras.Model) else [layer] for layer in network.layers]
    return [layer for layers in nested for layer in layers]


def _row(layer: Any) -> dict[str, Any]:
    return {
        "name": layer.name,
        "type": type(layer).__name__,
        "output_shape": list(_output_shape(layer)),
        "parameters": layer.count_params(),
        "multiply_accumulates": _multiply_accumulates(layer),
    }


def _multiply_accumulates(layer: Any) -> int:
    """Return the products summed for one image; the bias is not one."""
    layers = keras.layers
    if not isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
        return 0
    # Every position of the output (pixels of a convolution, rows of a dense layer) uses every number of the kernel once: a grouped
    # kernel is already stored as (height, width, input channels of one group, filters).
    positions = math.prod(_output_shape(layer)[:-1])
    return positions * _size(layer.kernel)


def _output_shape(layer: Any) -> tuple[int, ...]:
    """Return the shape of the first output without its batch axis."""
    return tuple(keras.tree.flatten(layer.output)[0].shape[1:])


def _size(variable: Any) -> int:
    return math.prod(variable.shape)
