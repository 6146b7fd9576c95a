"""What the convolutional families have in common: one style of layer for a whole network, attention over channels, dropped paths,
the order of residual blocks, and the layers that end a network.

Layers are named by group, block and role: `group2_block1_conv1`, `group2_block1_norm1`, `group2_block1_act1`,
`group2_block1_projection`, `group2_block1_add`; `stem_…` before the first group, `head_…` after the last, and `logits`.
Kernels other than of projections stand in layers that match `*_conv*`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models.arguments import expect_image

# Blocks of each group. The longest of the papers has 111, in the 1001-layer network; a sixth group has 32 times the first's channels.
Blocks = Annotated[Sequence[Annotated[int, Field(gt=0, le=111)]], Field(min_length=1, max_length=6)]
Block = Literal["basic", "bottleneck"]
Shortcut = Literal["pad", "projection"]
# Keras walks back through a network by recursion, two calls a block (see `add_shortcut`); Python ends it at 1000.
MOST_BLOCKS = 360

# Hu et al. (2018), section 6.4: 16 balances accuracy and size. Fewer than 4 hidden units die too easily behind a ReLU.
SQUEEZE_REDUCTION, SQUEEZE_LEAST = 16, 4


def he_normal() -> Any:
    """Return He et al.'s initialiser (2015, equation 10), normal with variance 2 / fan-in; a new one for each layer."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


def he_normal_fan_out() -> Any:
    """Return the same with the outgoing connections counted (equation 14), as fb.resnet.torch and torchvision start residual networks."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def torch_uniform() -> Any:
    """Return torch's default for convolutions and linear layers: uniform within 1 / sqrt(fan-in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@dataclass(frozen=True)
class Style:
    """What every layer of a network shares.

    Attributes:
        activation: Keras' name of the activation function.
        norm_momentum: Share of its averages that batch normalisation keeps; 0.9 is torch's momentum 0.1.
        norm_epsilon: Added to the variance; 1e-5 is torch's default, 1e-3 Keras'.
        kernel_initializer: Makes the initialiser of one kernel.
        attention: What weighs the channels at the end of a residual branch, see `attend`.
    """

    activation: str = "relu"
    norm_momentum: float = 0.9
    norm_epsilon: float = 1e-5
    kernel_initializer: Callable[[], Any] = he_normal_fan_out
    attention: str = "none"

    def conv(self, images: Any, filters: int, size: int, name: str, *, strides: int = 1, groups: int = 1, use_bias: bool = False) -> Any:
        """Convolve so that the size stays, or is divided by the stride and rounded up.

        A strided kernel is laid on the image as torch lays it, padded by size // 2 on all sides: Keras' "same" would shift it by a pixel
        against the strided 1x1 shortcut beside it.
        """
        padding = "same"
        if strides > 1 and size > 1:
            images, padding = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(images), "valid"
        layer = keras.layers.Conv2D(
            filters,
            size,
            strides,
            padding,
            groups=groups,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer(),
            name=name,
        )
        return layer(images)

    def norm(self, images: Any, name: str) -> Any:
        """Normalise each channel over the batch."""
        return keras.layers.BatchNormalization(momentum=self.norm_momentum, epsilon=self.norm_epsilon, name=name)(images)

    def activate(self, images: Any, name: str) -> Any:
        """Apply the activation function."""
        return keras.layers.Activation(self.activation, name=name)(images)


def dropout(hidden: Any, rate: float, name: str) -> Any:
    """Drop a share of the numbers; 0 adds no layer."""
    return keras.layers.Dropout(rate, name=name)(hidden) if rate else hidden


def drop_path(hidden: Any, rate: float, name: str) -> Any:
    """Leave a residual branch out for a share of the images (Huang et al., Deep Networks with Stochastic Depth, 2016); 0 adds no layer.

    What is kept is divided by the keep rate, so that nothing changes when the network is used.
    """
    noise_shape = (None, *[1] * (len(hidden.shape) - 1))  # one draw an image
    return keras.layers.Dropout(rate, noise_shape=noise_shape, name=f"{name}_drop_path")(hidden) if rate else hidden


def attend(images: Any, kind: str, name: str) -> Any:
    """Weigh channels by what the whole image shows: "none", "squeeze_excitation" or "eca"."""
    if kind == "none":
        return images
    layers = keras.layers
    channels = images.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_attention_pool")(images)
    weights = (_squeeze_and_excite if kind == "squeeze_excitation" else _efficient_weights)(weights, channels, name)
    return layers.Multiply(name=f"{name}_attention")([images, weights])


def _squeeze_and_excite(means: Any, channels: int, name: str) -> Any:
    """Two dense layers with a bottleneck (Hu et al., Squeeze-and-Excitation Networks, 2018, section 3)."""
    hidden = max(SQUEEZE_LEAST, channels // SQUEEZE_REDUCTION)
    means = keras.layers.Conv2D(hidden, 1, activation="relu", name=f"{name}_attention_squeeze")(means)
    return keras.layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_attention_excite")(means)


def _efficient_weights(means: Any, channels: int, name: str) -> Any:
    """One kernel along the channels (Wang et al., ECA-Net, 2020, equation 12: its size is the odd number next to (log2(C) + 1) / 2)."""
    layers = keras.layers
    size = int((math.log2(channels) + 1) / 2)
    kernel = layers.Conv1D(1, size | 1, padding="same", use_bias=False, activation="sigmoid", name=f"{name}_attention_kernel")
    weights = kernel(layers.Reshape((channels, 1), name=f"{name}_attention_row")(means))
    return layers.Reshape((1, 1, channels), name=f"{name}_attention_column")(weights)


@dataclass(frozen=True)
class Place:
    """Where a residual block stands.

    Attributes:
        group: Of blocks on images of one size, from 1.
        block: In its group, from 1.
        drop_path_rate: Share of the images for which its branch is left out.
    """

    group: int
    block: int
    drop_path_rate: float

    @property
    def name(self) -> str:
        """What the names of its layers begin with."""
        return f"group{self.group}_block{self.block}"

    @property
    def opens_group(self) -> bool:
        """Whether it is the first of its group."""
        return self.block == 1

    @property
    def strides(self) -> int:
        """What it divides the image by."""
        return 2 if self.opens_group and self.group > 1 else 1

    def width(self, first: int) -> int:
        """Return the channels here if there are `first` in the first group: they double where the image is halved."""
        return first << (self.group - 1)


def residual_places(blocks: Sequence[int], drop_path_rate: float) -> list[Place]:
    """Return the places of all blocks in order.

    Args:
        blocks: How many each group has.
        drop_path_rate: Of the last block L; block l has l / L of it (Huang et al., 2016, equation 4: the linear decay rule).
    """
    positions = [(group, block) for group, count in enumerate(blocks, start=1) for block in range(1, count + 1)]
    return [Place(*position, drop_path_rate * number / len(positions)) for number, position in enumerate(positions, start=1)]


def blocks_of_depth(name: str, depth: int, layers_of_group: int, other_layers: int) -> int:
    """Return the blocks of each of the three groups of a network that is called by its number of layers.

    Args:
        name: Of the network, for the message.
        depth: Layers with kernels, as the paper counts them.
        layers_of_group: How many one block more in each group adds.
        other_layers: How many there are without any block.
    Raises:
        UserError: No number of blocks makes that depth.
    """
    blocks, rest = divmod(depth - other_layers, layers_of_group)
    if blocks < 1 or rest:
        examples = ", ".join(str(layers_of_group * number + other_layers) for number in (1, 2, 3))
        raise UserError(f"{name}: depth: expected {layers_of_group}n+{other_layers} ({examples}, …), got {depth}")
    return blocks


def expect_groups(name: str, image_shape: tuple[int, int, int], groups: int) -> None:
    """Refuse images too small to be halved, rounded up, between all groups.

    Raises:
        UserError: One line that says which sizes are possible.
    """
    expect_image(name, image_shape, at_least=2 ** (groups - 1) // 2 + 1, because=f"as {groups} groups halve the image between them")


def expect_residual_groups(name: str, image_shape: tuple[int, int, int], blocks: Sequence[int]) -> None:
    """Refuse more residual blocks than Keras can hold, and images too small to be halved between their groups.

    Raises:
        UserError: One line that says what is possible.
    """
    if sum(blocks) > MOST_BLOCKS:
        raise UserError(f"{name}: blocks: expected at most {MOST_BLOCKS} in all groups, got {sum(blocks)}")
    expect_groups(name, image_shape, len(blocks))


def pad_shortcut(images: Any, channels: int, place: Place) -> Any:
    """Take every second row and column and append channels of zeros: no parameters (He et al., 2015, option A)."""
    from kcifar.layers import PadChannels

    if place.strides > 1:
        images = keras.layers.AveragePooling2D(1, place.strides, name=f"{place.name}_shortcut_pool")(images)
    return PadChannels(channels, name=f"{place.name}_shortcut_pad")(images)


def add_shortcut(style: Style, shortcut: Any, branch: Any, place: Place) -> Any:
    """Add a residual branch, its channels weighed and left out for a share of the images, to what goes around it."""
    branch = drop_path(attend(branch, style.attention, place.name), place.drop_path_rate, place.name)
    # The shortcut comes first: Keras then walks back along the shortcuts, and deep networks stay within Python's recursion limit.
    return keras.layers.Add(name=f"{place.name}_add")([shortcut, branch])


def classify(images: Any, num_classes: int, dropout_rate: float = 0.0) -> Any:
    """Average over all pixels and return float32 logits; the dense layer starts as in fb.resnet.torch: torch's default, biases 0."""
    hidden = keras.layers.GlobalAveragePooling2D(name="head_pool")(images)
    hidden = dropout(hidden, dropout_rate, "head_dropout")
    return keras.layers.Dense(num_classes, kernel_initializer=torch_uniform(), dtype="float32", name="logits")(hidden)
