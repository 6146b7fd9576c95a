"""Residual networks: blocks of two or three convolutions whose output is added to their input.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015 (https://arxiv.org/abs/1512.03385);
reference code: https://github.com/facebookarchive/fb.resnet.torch (models/resnet.lua).

- `resnet20` (269,722 trained parameters for 32x32x3 and 10 classes), `resnet32` (464,154), `resnet44` (658,586), `resnet56` (853,018) and
  `resnet110` (1,727,962) are the paper's for CIFAR (section 4.2): 16, 32 and 64 channels, shortcuts without parameters. Their family is
  `cifar_resnet`. The paper starts `resnet110` at a rate of 0.01, for about 400 updates; at 0.1 it is slow to begin.
- `resnet18` (11,173,962), `resnet34` (21,282,122) and `resnet50` (23,520,842) have the blocks of the paper's ImageNet networks behind a 3x3
  convolution that keeps the size, as shambhurajmane/Deep-Learning-CIFAR10-pytorch and kuangliu/pytorch-cifar build them. Their family is
  `wide_stem_resnet`.

Start and batch normalisation follow the reference code: normal kernels of variance 2 / outgoing connections (the paper: as He et al., 2015), torch's
momentum 0.1 (kept: 0.9) and epsilon 1e-5; torch's default for the logits' kernel, zero for their bias; all scales of batch normalisation at 1.
The two PyTorch projects leave torch's default everywhere. Convolutions have no bias. A bottleneck's stride stands on its 3x3 convolution, as in
the reference code; the authors' own networks have it on the first 1x1.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.blocks import (
    Block,
    Blocks,
    Place,
    Shortcut,
    Style,
    add_shortcut,
    blocks_of_depth,
    classify,
    expect_residual_groups,
    he_normal_fan_out,
    pad_shortcut,
    residual_places,
)
from kcifar.models.variants import register_variant

EXPANSION = 4  # a bottleneck ends with four times its inner channels (He et al., 2015, table 1)


def wide_stem_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    blocks: Blocks = (1, 1, 1, 1),
    width: Width = 32,
    block: Block = "basic",
    shortcut: Shortcut = "projection",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of residual blocks of which all but the first halve the image, and one dense layer.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; with four groups 5 pixels a side or more, with three 3.
        num_classes: Length of a row of logits.
        blocks: How many each group has.
        width: Channels of the first convolution and, within its blocks, of the first group; each further group has twice as many.
        block: "basic", of two 3x3 convolutions, or "bottleneck", of a 3x3 between two 1x1 and four times the channels behind the last.
        shortcut: Where a block changes the shape, a 1x1 "projection" with batch normalisation, or every second pixel and channels of zeros ("pad").
        activation: After each batch normalisation but a branch's last, and after each sum.
        attention: What weighs the channels at the end of each branch: "none", "squeeze_excitation" or "eca".
        dropout_rate: Share of the averages dropped before the logits.
        drop_path_rate: Share of the images for which the last block's branch is left out; it grows from block to block.
        norm_momentum: Share of its averages that batch normalisation keeps.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved between the groups, or there are too many blocks.
    """
    expect_residual_groups(name, image_shape, blocks)
    style = Style(activation, norm_momentum, norm_epsilon, he_normal_fan_out, attention)
    images = keras.Input(image_shape, name="images")
    hidden = stem(style, images, width, 3)
    for place in residual_places(blocks, drop_path_rate):
        inner = place.width(width)
        if block == "basic":
            hidden = _basic_block(style, hidden, inner, place, shortcut)
        else:
            hidden = bottleneck_block(style, hidden, inner, EXPANSION * inner, place, shortcut)
    return keras.Model(images, classify(hidden, num_classes, dropout_rate), name=name)


def cifar_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    depth: Annotated[int, Field(gt=0, le=602)] = 20,  # of the paper's 1202, Keras holds half
    width: Width = 16,
    shortcut: Shortcut = "pad",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build the paper's network for CIFAR: `wide_stem_resnet` of three groups of basic blocks, as many as make the depth.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; 3 pixels a side or more.
        num_classes: Length of a row of logits.
        depth: 6n+2 for n blocks a group: their convolutions, the first one and the dense layer.
        width: Channels of the first group.
        shortcut: The paper's option A is "pad", its option B "projection".
        activation: As all that follow, see `wide_stem_resnet`.
        attention: See there.
        dropout_rate: See there.
        drop_path_rate: See there.
        norm_momentum: See there.
        norm_epsilon: See there.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The depth is not 6n+2, or the image cannot be halved between the groups.
    """
    return wide_stem_resnet(
        name,
        image_shape,
        num_classes,
        blocks=(blocks_of_depth(name, depth, layers_of_group=6, other_layers=2),) * 3,
        width=width,
        block="basic",
        shortcut=shortcut,
        activation=activation,
        attention=attention,
        dropout_rate=dropout_rate,
        drop_path_rate=drop_path_rate,
        norm_momentum=norm_momentum,
        norm_epsilon=norm_epsilon,
    )


def stem(style: Style, images: Any, width: int, size: int) -> Any:
    """Return the images after the convolution before the first group, normalised and activated."""
    hidden = style.norm(style.conv(images, width, size, "stem_conv"), "stem_norm")
    return style.activate(hidden, "stem_act")


def _basic_block(style: Style, images: Any, width: int, place: Place, shortcut: str) -> Any:
    """Add a branch of two 3x3 convolutions to the images."""
    block = place.name
    branch = style.norm(style.conv(images, width, 3, f"{block}_conv1", strides=place.strides), f"{block}_norm1")
    branch = style.activate(branch, f"{block}_act1")
    branch = style.norm(style.conv(branch, width, 3, f"{block}_conv2"), f"{block}_norm2")
    return style.activate(_sum(style, images, branch, place, shortcut), f"{block}_act2")


def bottleneck_block(style: Style, images: Any, inner: int, channels: int, place: Place, shortcut: str, groups: int = 1) -> Any:
    """Add a branch that has `inner` channels around its 3x3 convolution, in `groups` that do not see each other, and ends with `channels`."""
    block = place.name
    branch = style.norm(style.conv(images, inner, 1, f"{block}_conv1"), f"{block}_norm1")
    branch = style.activate(branch, f"{block}_act1")
    branch = style.norm(style.conv(branch, inner, 3, f"{block}_conv2", strides=place.strides, groups=groups), f"{block}_norm2")
    branch = style.activate(branch, f"{block}_act2")
    branch = style.norm(style.conv(branch, channels, 1, f"{block}_conv3"), f"{block}_norm3")
    return style.activate(_sum(style, images, branch, place, shortcut), f"{block}_act3")


def _sum(style: Style, images: Any, branch: Any, place: Place, shortcut: str) -> Any:
    """Add the branch to the images, which are brought to its shape where the block changes it."""
    channels = branch.shape[-1]
    if (place.strides, channels) != (1, images.shape[-1]):
        images = pad_shortcut(images, channels, place) if shortcut == "pad" else _projection(style, images, channels, place)
    return add_shortcut(style, images, branch, place)


def _projection(style: Style, images: Any, channels: int, place: Place) -> Any:
    name = f"{place.name}_projection"
    return style.norm(style.conv(images, channels, 1, name, strides=place.strides), f"{name}_norm")


register_variant("cifar_resnet", cifar_resnet)
for depth in (20, 32, 44, 56, 110):
    register_variant(f"resnet{depth}", cifar_resnet, depth=depth, width=16, shortcut="pad")

register_variant("wide_stem_resnet", wide_stem_resnet)
WIDE_STEM = {"width": 64, "shortcut": "projection"}
register_variant("resnet18", wide_stem_resnet, blocks=(2, 2, 2, 2), block="basic", **WIDE_STEM)
register_variant("resnet34", wide_stem_resnet, blocks=(3, 4, 6, 3), block="basic", **WIDE_STEM)
register_variant("resnet50", wide_stem_resnet, blocks=(3, 4, 6, 3), block="bottleneck", **WIDE_STEM)
