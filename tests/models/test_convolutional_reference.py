"""LeNet, QuizDNN, VGG and DenseNet give the logits of a second implementation."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from kcifar.models.build import build_model

Array = np.ndarray

# What batch normalization divides by before its first update: variance 1, torch's epsilon.
DEVIATION = math.sqrt(1 + 1e-5)


class Reference:
    """A second way to compute a network, for images of one color, on which kernels that are 0 except in their middle act as matrices.

    Making one gives random numbers to every weight of the network: equal logits prove wiring and order of the layers, and that
    poolings take no pixel from outside of the image.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.weights: dict[str, list[Array]] = {}
        generator = np.random.default_rng(0)
        for layer in network.layers:
            values = [generator.normal(0.2, 0.5, variable.shape).astype(np.float32) for variable in layer.trainable_variables]
            if isinstance(layer, keras.layers.Conv2D):
                middle = layer.kernel_size[0] // 2
                self.weights[layer.name] = [values[0][middle, middle], *values[1:]]
                values[0] = np.zeros_like(values[0])
                values[0][middle, middle] = self.weights[layer.name][0]
            elif values:
                self.weights[layer.name] = values
            for variable, value in zip(layer.trainable_variables, values, strict=True):
                variable.assign(value)

    def dense(self, values: Array, name: str) -> Array:
        kernel, *bias = self.weights[name]
        return values @ kernel + sum(bias)

    conv = dense

    def norm(self, values: Array, name: str) -> Array:
        scale, offset = self.weights[name]
        return values / DEVIATION * scale + offset

    def conv_norm_act(self, values: Array, block: str, number: int) -> Array:
        return relu(self.norm(self.conv(values, f"{block}_conv{number}"), f"{block}_norm{number}"))

    def norm_act_conv(self, values: Array, block: str, number: int) -> Array:
        return self.conv(relu(self.norm(values, f"{block}_norm{number}")), f"{block}_conv{number}")

    def conv_act_norm(self, values: Array, block: str) -> Array:
        return self.norm(relu(self.conv(values, f"{block}_conv1")), f"{block}_norm1")


def relu(values: Array) -> Array:
    return np.maximum(values, 0)


def quizdnn_logits(reference: Reference, image: Array) -> Array:
    x1 = reference.conv_act_norm(image, "group1_block1")
    x2 = reference.conv_act_norm(x1, "group1_block2")
    x3 = reference.conv_act_norm(x1 + x2, "group1_block3")
    x4 = x1 + x2 + x3
    x5 = reference.conv_act_norm(x4, "group2_block1")
    x6 = reference.conv_act_norm(x4 + x5, "group2_block2")
    x7 = reference.conv_act_norm(x4 + x5 + x6, "group2_block3")
    x8 = x5 + x6 + x7
    x9 = reference.conv_act_norm(x8, "group3_block1")
    x10 = reference.conv_act_norm(x8 + x9, "group3_block2")
    x11 = reference.conv_act_norm(x8 + x9 + x10, "group3_block3")
    return reference.dense(x11, "logits")


def lenet_logits(reference: Reference, image: Array) -> Array:
    values = image
    for block in ("block1", "block2"):
        values = relu(reference.conv(values, f"{block}_conv"))
        values = reference.norm(values, f"{block}_norm") if f"{block}_norm" in reference.weights else values
    pixels = reference.network.get_layer("head_flatten").output.shape[-1] // len(values)
    values = relu(reference.dense(np.tile(values, pixels), "head_dense1"))
    return reference.dense(relu(reference.dense(values, "head_dense2")), "logits")


def vgg_logits(reference: Reference, image: Array) -> Array:
    values = reference.conv_norm_act(image, "block1", 1)
    values = reference.conv_norm_act(reference.conv_norm_act(values, "block2", 1), "block2", 2)
    return reference.dense(relu(reference.dense(values, "head_dense1")), "logits")


def plain_vgg_logits(reference: Reference, image: Array) -> Array:
    values = image
    for convolution in ("block1_conv1", "block2_conv1", "block2_conv2"):
        values = relu(reference.conv(values, convolution))
    return reference.dense(values, "logits")


def densenet_logits(reference: Reference, image: Array) -> Array:
    bottleneck = "group1_block1_conv2" in reference.weights
    values = reference.conv(image, "stem_conv")
    for group in (1, 2):
        for block in (f"group{group}_block{layer}" for layer in (1, 2, 3)):
            added = reference.norm_act_conv(values, block, 1)
            added = reference.norm_act_conv(added, block, 2) if bottleneck else added
            values = np.concatenate([values, added])
        if group == 1:
            values = reference.conv(relu(reference.norm(values, "group1_transition_norm")), "group1_transition_conv")
    return reference.dense(relu(reference.norm(values, "head_norm")), "logits")


DENSENET = {"growth": 2, "blocks": [3, 3], "stem_width": 3}


class TestReference:
    @pytest.mark.parametrize("size", [(16, 16), (13, 15), (21, 18)])
    @pytest.mark.parametrize(
        ("name", "arguments", "expected_logits"),
        [
            ("lenet", {}, lenet_logits),
            ("lenet_bn", {}, lenet_logits),
            ("quizdnn", {"width": 4}, quizdnn_logits),
            ("vgg", {"widths": [3, 4], "convolutions": [1, 2], "dense_units": [5]}, vgg_logits),
            ("vgg", {"widths": [3, 4], "convolutions": [1, 2], "batch_norm": False}, plain_vgg_logits),
            ("densenet", DENSENET, densenet_logits),
            ("densenet", DENSENET | {"bottleneck": 0}, densenet_logits),
        ],
    )
    def test_computes_what_the_source_describes(
        self, name: str, arguments: dict[str, Any], expected_logits: Callable[[Reference, Array], Array], size: tuple[int, int]
    ) -> None:
        network = build_model(name, (*size, 2), 3, **arguments)
        reference = Reference(network)
        for color in ([0.7, -0.4], [-0.5, 0.9]):
            image = np.array(color, np.float32)
            logits = network(np.broadcast_to(image, (1, *size, 2)), training=False)
            expected = expected_logits(reference, image)
            np.testing.assert_allclose(keras.ops.convert_to_numpy(logits)[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())

    def test_an_odd_row_counts_as_much_as_the_others(self) -> None:
        """The one bright pixel stands where an odd row and an odd column end: it is neither lost nor averaged with what is not there."""
        spot = np.zeros((1, 5, 5, 1), np.float32)
        spot[0, 4, 4] = 1
        network = build_model("vgg", (5, 5, 1), 1, widths=[1], convolutions=[1], batch_norm=False)
        self._open(network, "block1_conv1")
        assert float(network(spot)[0, 0]) == pytest.approx(1 / 9)  # averaged over 3x3
        network = build_model("densenet", (5, 5, 1), 1, growth=1, blocks=[1, 1], stem_width=1, compression=0.01, bottleneck=0)
        self._open(network, "stem_conv", "group1_transition_conv")
        assert float(network(spot)[0, 0]) == pytest.approx(1 / 9, rel=1e-4)

    @staticmethod
    def _open(network: keras.Model, *names: str) -> None:
        """Let the named convolutions pass the first channel on, the others nothing; the logits are the sum of channels."""
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D):
                kernel = np.zeros(layer.kernel.shape, np.float32)
                kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, 0] = layer.name in names
                layer.kernel.assign(kernel)
        network.get_layer("logits").kernel.assign(np.ones(network.get_layer("logits").kernel.shape))
