"""Small residual networks, one for each kind of block and shortcut, and functions to inspect them."""

import functools
import re
from typing import Any, NamedTuple

import keras
import numpy as np

from kcifar.models.build import build_model, sketch_model


class Case(NamedTuple):
    """A small network: its builder, the builder's arguments, the layers of a branch in order."""

    name: str
    arguments: dict[str, Any]
    branch: str

    @property
    def is_preact(self) -> bool:
        return self.branch.startswith("norm1")

    @property
    def result(self) -> str:
        """The layer that gives a block's output."""
        return "add" if self.is_preact else f"act{self.branch[-1]}"


BASIC, BOTTLENECK = "conv1 norm1 act1 conv2 norm2", "conv1 norm1 act1 conv2 norm2 act2 conv3 norm3"
PREACT_BASIC, PREACT_BOTTLENECK = "norm1 act1 conv1 norm2 act2 conv2", "norm1 act1 conv1 norm2 act2 conv2 norm3 act3 conv3"
CASES = {
    "option A": Case("cifar_resnet", {"depth": 8, "width": 4}, BASIC),
    "option B": Case("cifar_resnet", {"depth": 8, "width": 4, "shortcut": "projection"}, BASIC),
    "bottleneck": Case("wide_stem_resnet", {"blocks": [2, 2], "width": 4, "block": "bottleneck"}, BOTTLENECK),
    "resnext": Case("resnext", {"blocks": [2, 2], "cardinality": 3, "group_width": 2, "width": 8, "stem_width": 4}, BOTTLENECK),
    "preact option A": Case("preact_resnet", {"blocks": [2, 2], "width": 4, "shortcut": "pad"}, PREACT_BASIC),
    "preact": Case("preact_resnet", {"blocks": [2, 2], "width": 4}, PREACT_BASIC),
    "preact bottleneck": Case("preact_resnet", {"blocks": [2, 2], "width": 4, "block": "bottleneck"}, PREACT_BOTTLENECK),
    "wide": Case("wide_resnet", {"depth": 10, "width": 1}, PREACT_BASIC),
}


@functools.cache
def sketch(name: str, size: int = 32, num_classes: int = 10) -> keras.Model:
    return sketch_model(name, (size, size, 3), num_classes)


def build(case: Case, size: int = 9, **more: Any) -> keras.Model:
    """Build a small network, every weight away from its initial value, at which batch normalization does next to nothing."""
    network = build_model(case.name, (size, size, 3), 10, **case.arguments, **more)
    generator = np.random.default_rng(0)
    for variable in network.weights:
        low, high = (0.5, 1.5) if len(variable.shape) == 1 else (-0.5, 0.5)
        variable.assign(generator.uniform(low, high, variable.shape))
    return network


def layers_like(network: keras.Model, pattern: str) -> list[keras.Layer]:
    return [layer for layer in network.layers if re.fullmatch(pattern, layer.name)]


def blocks_of(network: keras.Model) -> list[str]:
    """Return the blocks in order."""
    names = {layer.name.removesuffix("_add") for layer in layers_like(network, r"group\d_block\d+_add")}
    return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def outputs(network: keras.Model, *names: str, training: bool = False) -> list[np.ndarray]:
    """Return the outputs of the named layers for two random images."""
    images = np.random.default_rng(1).standard_normal((2, *network.input_shape[1:])).astype(np.float32)
    part = keras.Model(network.input, [network.get_layer(name).output for name in names])
    return [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(part(images, training=training))]
