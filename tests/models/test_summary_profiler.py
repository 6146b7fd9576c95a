"""The multiply-accumulates that `summarize_model` counts are those that TensorFlow's profiler finds in the graph that runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import pytest
import tensorflow as tf
from model_battery import IMAGE_SHAPE, Subject
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from kcifar.models.summary import summarize_model

# The profiler counts additions, poolings and normalizations as well; of sums over axes (Einsum: attention's scores) it knows nothing,
# so attention is counted by torch (test_models_backends.py).
PRODUCTS = {"Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2"}


@pytest.mark.parametrize("name", ["wrn_16_4", "resnext29_32x4d", "convmixer_256_8"])
def test_tensorflow_counts_the_same(name: str) -> None:
    network = Subject(name).build()
    assert summarize_model(network)["multiply_accumulates"] == profiled_multiply_accumulates(network)


def profiled_multiply_accumulates(network: keras.Model) -> int:
    """Return half of the floating-point operations of the products in a network's graph: the profiler counts product and sum."""
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation()).with_empty_output()
    profile = profiler.profile(frozen_graph(network), cmd="op", options=options.build())
    return sum(node.float_ops for node in below(profile) if node.name in PRODUCTS) // 2


def frozen_graph(network: keras.Model) -> tf.Graph:
    images = tf.TensorSpec((1, *IMAGE_SHAPE))
    with functions_in_line():
        function = tf.function(lambda images: network(images, training=False)).get_concrete_function(images)
    return convert_variables_to_constants_v2(function).graph


@contextmanager
def functions_in_line() -> Iterator[None]:
    """Let Keras write grouped convolutions into the graph and not into a function beside it, where the profiler does not look."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def below(node: Any) -> list[Any]:
    return [node, *(each for child in node.children for each in below(child))]
