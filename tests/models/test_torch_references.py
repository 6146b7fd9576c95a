"""The residual families against networks written in PyTorch, with the same weights: they give the same logits.

PyTorch is not among the test requirements: `bash .ci/run` installs it and runs this file in its second step.
"""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import keras  # noqa: E402
from torch import nn  # noqa: E402

from kcifar.models.build import build_model  # noqa: E402

Branch = list[tuple[int, int, int, int]]  # convolutions: filters, size, stride, groups


def convolution(channels: int, filters: int, size: int, stride: int = 1, groups: int = 1) -> Any:
    return nn.Conv2d(channels, filters, size, stride, padding=size // 2, groups=groups, bias=False)


class Block(nn.Module):
    """A residual block; parts have the names of our layers."""

    def __init__(self, channels: int, branch: Branch, *, preact: bool, pad: bool, first: bool, attention: str) -> None:
        super().__init__()
        self.preact, self.first, self.depth, self.attention = preact, first, len(branch), attention
        self.outer, self.stride = branch[-1][0], max(stride for _, _, stride, _ in branch)
        self.changes, self.pad = self.stride > 1 or channels != self.outer, pad
        if self.changes and not pad:
            self.projection = convolution(channels, self.outer, 1, self.stride)
            if not preact:
                self.projection_norm = nn.BatchNorm2d(self.outer)
        for number, (filters, size, stride, groups) in enumerate(branch, start=1):
            setattr(self, f"conv{number}", convolution(channels, filters, size, stride, groups))
            setattr(self, f"norm{number}", nn.BatchNorm2d(channels if preact else filters))
            channels = filters
        if attention == "squeeze_excitation":
            hidden = max(4, channels // 16)
            self.attention_squeeze, self.attention_excite = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)
        elif attention == "eca":
            size = int((np.log2(channels) + 1) / 2)
            size += 1 - size % 2
            self.attention_kernel = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, images: Any) -> Any:
        around, hidden = images, images
        for number in range(1, self.depth + 1):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"norm{number}")
            if self.preact:
                hidden = norm(hidden).relu()
                around = hidden if self.first and number == 1 else around
                hidden = conv(hidden)
            else:
                hidden = norm(conv(hidden))
                hidden = hidden.relu() if number < self.depth else hidden
        total = self.attend(hidden) + self.shortcut(around)
        return total if self.preact else total.relu()

    def shortcut(self, images: Any) -> Any:
        if not self.changes:
            return images
        if self.pad:
            return nn.functional.pad(images[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.outer - images.shape[1]))
        return self.projection(images) if self.preact else self.projection_norm(self.projection(images))

    def attend(self, images: Any) -> Any:
        if self.attention == "none":
            return images
        means = images.mean((2, 3), keepdim=True)
        if self.attention == "eca":
            return images * self.attention_kernel(means[:, None, :, 0, 0]).sigmoid()[:, 0, :, None, None]
        return images * self.attention_excite(self.attention_squeeze(means).relu()).sigmoid()


class Network(nn.Module):
    """`branches[group][block]` are the convolutions of a block."""

    def __init__(
        self, stem: int, branches: list[list[Branch]], *, preact: bool, pad: bool = False, stem_kernel: int = 3, attention: str = "none"
    ) -> None:
        super().__init__()
        self.preact, self.blocks, channels = preact, [], stem
        self.stem_conv = convolution(3, stem, stem_kernel)
        if not preact:
            self.stem_norm = nn.BatchNorm2d(stem)
        for group, blocks in enumerate(branches, start=1):
            for number, branch in enumerate(blocks, start=1):
                block = Block(channels, branch, preact=preact, pad=pad, first=number == 1, attention=attention)
                self.add_module(f"group{group}_block{number}", block)
                self.blocks.append(block)
                channels = branch[-1][0]
        if preact:
            self.head_norm = nn.BatchNorm2d(channels)
        self.logits = nn.Linear(channels, 10)

    def forward(self, images: Any) -> Any:
        hidden = self.stem_conv(images)
        hidden = hidden if self.preact else self.stem_norm(hidden).relu()
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.head_norm(hidden).relu() if self.preact else hidden
        return self.logits(hidden.mean((2, 3)))


def basic(width: int, stride: int = 1) -> Branch:
    return [(width, 3, stride, 1), (width, 3, 1, 1)]


def bottleneck(inner: int, outer: int, stride: int = 1, groups: int = 1) -> Branch:
    return [(inner, 1, 1, 1), (inner, 3, stride, groups), (outer, 1, 1, 1)]


# The network here, its arguments, and the same in PyTorch.
CASES: dict[str, tuple[str, dict[str, Any], int, list[list[Branch]], dict[str, Any]]] = {
    "cifar": ("cifar_resnet", {"depth": 8, "width": 4}, 4, [[basic(4)], [basic(8, 2)], [basic(16, 2)]], {"preact": False, "pad": True}),
    "wide stem": (
        "wide_stem_resnet",
        {"blocks": [1, 1, 1, 1], "width": 4},
        4,
        [[basic(4)], [basic(8, 2)], [basic(16, 2)], [basic(32, 2)]],
        {"preact": False},
    ),
    "bottleneck": (
        "wide_stem_resnet",
        {"blocks": [2, 1], "width": 4, "block": "bottleneck", "attention": "squeeze_excitation"},
        4,
        [[bottleneck(4, 16), bottleneck(4, 16)], [bottleneck(8, 32, 2)]],
        {"preact": False, "attention": "squeeze_excitation"},
    ),
    "preact": (
        "preact_resnet",
        {"blocks": [2, 2], "width": 4, "attention": "eca"},
        4,
        [[basic(4), basic(4)], [basic(8, 2), basic(8)]],
        {"preact": True, "attention": "eca"},
    ),
    "preact cifar": (
        "preact_resnet",
        {"blocks": [1, 2], "width": 4, "shortcut": "pad"},
        4,
        [[basic(4)], [basic(8, 2), basic(8)]],
        {"preact": True, "pad": True},
    ),
    "preact bottleneck": (
        "preact_resnet",
        {"blocks": [2, 2], "width": 4, "block": "bottleneck"},
        4,
        [[bottleneck(4, 16), bottleneck(4, 16)], [bottleneck(8, 32, 2), bottleneck(8, 32)]],
        {"preact": True},
    ),
    "wide": ("wide_resnet", {"depth": 10, "width": 1}, 16, [[basic(16)], [basic(32, 2)], [basic(64, 2)]], {"preact": True}),
    "resnext": (
        "resnext",
        {"blocks": [1, 2], "cardinality": 4, "group_width": 2, "width": 16, "stem_width": 8, "stem_kernel": 1},
        8,
        [[bottleneck(8, 16, 1, 4)], [bottleneck(16, 32, 2, 4), bottleneck(16, 32, 1, 4)]],
        {"preact": False, "stem_kernel": 1},
    ),
}


def hand_weights_over(ours: keras.Model, theirs: Any) -> None:
    """Draw new weights for our network and give the same to the other; parts of the same name, each of them once."""
    generator = np.random.default_rng(0)
    parts = {name.replace(".", "_"): part for name, part in theirs.named_modules() if next(part.parameters(recurse=False), None) is not None}
    layers = {layer.name: layer for layer in ours.layers if layer.weights}
    assert parts.keys() == layers.keys()
    for name, part in parts.items():
        values = [drawn(generator, weight.shape) for weight in layers[name].weights]
        layers[name].set_weights(values)
        given = [part.weight, part.bias, getattr(part, "running_mean", None), getattr(part, "running_var", None)]
        for tensor, value in zip([tensor for tensor in given if tensor is not None], values, strict=True):
            tensor.data.copy_(
                torch.from_numpy(np.ascontiguousarray(value.transpose(range(value.ndim)[::-1]) if value.ndim < 4 else value.transpose(3, 2, 0, 1)))
            )


def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return kernels initialized as in He et al., and positive numbers near 1 for everything else."""
    if len(shape) == 1:
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    return (generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)


@pytest.mark.parametrize("size", [32, 24, 27])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_answers_as_the_same_network_in_pytorch(case: tuple[str, dict[str, Any], int, list[list[Branch]], dict[str, Any]], size: int) -> None:
    name, arguments, stem, branches, more = case
    ours, theirs = build_model(name, (size, size, 3), 10, **arguments), Network(stem, branches, **more)
    hand_weights_over(ours, theirs)
    images = np.random.default_rng(1).standard_normal((3, size, size, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    logits = keras.ops.convert_to_numpy(ours(images, training=False))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * max(1, np.abs(expected).max()))
