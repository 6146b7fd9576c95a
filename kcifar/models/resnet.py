"""Residual networks: blocks of two or three convolutions whose output is added to their input.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015 (https://arxiv.org/abs/1512.03385);
reference code: https://github.com/facebookarchive/fb.resnet.torch (models/resnet.lua).
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).
Shortcuts without parameters append channels of zeros, as there; akamaster/pytorch_resnet_cifar10 puts half of them first: its weights need
another order of channels.

- `resnet20` (269,722 trained parameters for 32x32x3 and 10 classes), `resnet32` (464,154), `resnet44` (658,586), `resnet56` (853,018) and
  `resnet110` (1,727,962) are the paper's for CIFAR (section 4.2): 16, 32 and 64 channels, shortcuts without parameters. Their builder is
  `cifar_resnet`. The paper trains `resnet110` at a learning rate of 0.01 for the first 400 updates or so; at 0.1 it is slow to start.
- `resnet18` (11,173,962), `resnet34` (21,282,122) and `resnet50` (23,520,842) have the blocks of the paper's ImageNet networks after a 3x3
  convolution that keeps the size, as shambhurajmane/Deep-Learning-CIFAR10-pytorch and kuangliu/pytorch-cifar build them. Their builder is
  `wide_stem_resnet`.

Initialization and batch normalization follow the reference code: normal kernels of variance 2 / fan-out (the paper: as He et al., 2015), PyTorch's
momentum 0.1 (kept: 0.9) and epsilon 1e-5; PyTorch's default for the logits' kernel, zero for their bias; all scales of batch normalization at 1.
The two PyTorch projects use PyTorch's default everywhere. Convolutions have no bias. The 3x3 convolution of a bottleneck has the stride, as in
the reference code; in the authors' own networks the first 1x1 has it.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.initializers import he_normal_fan_out
from kcifar.models.residual_blocks import (
    BlockKind,
    BlockPosition,
    Blocks,
    Shortcut,
    add_branch,
    check_residual_groups,
    count_blocks,
    list_positions,
    project,
)
from kcifar.models.style import Style, classify
from kcifar.models.variants import register_variant

EXPANSION = 4  # a bottleneck ends with four times its inner channels (He et al., 2015, table 1)


def wide_stem_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    blocks: Blocks = (1, 1, 1, 1),
    width: Width = 32,
    block: BlockKind = "basic",
    shortcut: Shortcut = "projection",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of residual blocks, and one dense layer; all groups except the first halve the image.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side with three groups, at least 5 with four.
        num_classes: Number of logits.
        blocks: Number of blocks in each group.
        width: Channels of the first convolution and inside the blocks of the first group; each further group has twice as many.
        block: "basic": two 3x3 convolutions; "bottleneck": a 3x3 between two 1x1 convolutions, the last with four times the channels.
        shortcut: Where a block changes the shape, a 1x1 "projection" with batch normalization, or every second pixel and channels of zeros ("pad").
        activation: After each batch normalization except the last of a branch, and after each sum.
        attention: Attention over the channels at the end of each branch: "none", "squeeze_excitation" or "eca".
        dropout_rate: Fraction of the averaged channels dropped before the logits.
        drop_path_rate: Fraction of the images for which the last block's branch is skipped; it grows linearly from block to block.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved between the groups, or there are too many blocks.
    """
    check_residual_groups(name, image_shape, blocks)
    style = Style(activation, norm_momentum, norm_epsilon, he_normal_fan_out, attention)
    images = keras.Input(image_shape, name="images")
    features = add_stem(style, images, width, 3)
    for position in list_positions(blocks, drop_path_rate):
        inner = position.width(width)
        if block == "basic":
            features = _add_basic_block(style, features, inner, position, shortcut)
        else:
            features = add_bottleneck_block(style, features, inner, EXPANSION * inner, position, shortcut)
    return keras.Model(images, classify(features, num_classes, dropout_rate), name=name)


def cifar_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    depth: Annotated[int, Field(gt=0, le=602)] = 20,  # Keras can handle half of the paper's 1202 layers
    width: Width = 16,
    shortcut: Shortcut = "pad",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build the paper's network for CIFAR: `wide_stem_resnet` with three groups of basic blocks, as many as the depth requires.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side.
        num_classes: Number of logits.
        depth: 6n+2 for n blocks per group: their convolutions, the first convolution and the dense layer.
        width: Channels of the first group.
        shortcut: The paper's option A is "pad", its option B "projection".
        activation: See `wide_stem_resnet`, as for all that follow.
        attention: See there.
        dropout_rate: See there.
        drop_path_rate: See there.
        norm_momentum: See there.
        norm_epsilon: See there.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The depth is not 6n+2, or the image cannot be halved between the groups.
    """
    return wide_stem_resnet(
        name,
        image_shape,
        num_classes,
        blocks=(count_blocks(name, depth, layers_per_n=6, other_layers=2),) * 3,
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


def add_stem(style: Style, images: Any, width: int, size: int) -> Any:
    """Return the output of the convolution before the first group, normalized and activated."""
    features = style.norm(style.conv(images, width, size, "stem_conv"), "stem_norm")
    return style.activate(features, "stem_act")


def _add_basic_block(style: Style, features: Any, width: int, position: BlockPosition, shortcut: str) -> Any:
    """Add a branch of two 3x3 convolutions."""
    block = position.name
    branch = style.norm(style.conv(features, width, 3, f"{block}_conv1", strides=position.strides), f"{block}_norm1")
    branch = style.activate(branch, f"{block}_act1")
    branch = style.norm(style.conv(branch, width, 3, f"{block}_conv2"), f"{block}_norm2")
    return style.activate(add_branch(style, features, branch, position, shortcut, _project_and_normalize), f"{block}_act2")


def add_bottleneck_block(style: Style, features: Any, inner: int, channels: int, position: BlockPosition, shortcut: str, groups: int = 1) -> Any:
    """Add a branch with `inner` channels at its 3x3 convolution, which works in `groups` of channels, and `channels` at its end."""
    block = position.name
    branch = style.norm(style.conv(features, inner, 1, f"{block}_conv1"), f"{block}_norm1")
    branch = style.activate(branch, f"{block}_act1")
    branch = style.norm(style.conv(branch, inner, 3, f"{block}_conv2", strides=position.strides, groups=groups), f"{block}_norm2")
    branch = style.activate(branch, f"{block}_act2")
    branch = style.norm(style.conv(branch, channels, 1, f"{block}_conv3"), f"{block}_norm3")
    return style.activate(add_branch(style, features, branch, position, shortcut, _project_and_normalize), f"{block}_act3")


def _project_and_normalize(style: Style, features: Any, channels: int, position: BlockPosition) -> Any:
    return style.norm(project(style, features, channels, position), f"{position.name}_projection_norm")


register_variant("cifar_resnet", cifar_resnet)
for depth in (20, 32, 44, 56, 110):
    register_variant(f"resnet{depth}", cifar_resnet, depth=depth, width=16, shortcut="pad")

register_variant("wide_stem_resnet", wide_stem_resnet)
WIDE_STEM = {"width": 64, "shortcut": "projection"}
register_variant("resnet18", wide_stem_resnet, blocks=(2, 2, 2, 2), block="basic", **WIDE_STEM)
register_variant("resnet34", wide_stem_resnet, blocks=(3, 4, 6, 3), block="basic", **WIDE_STEM)
register_variant("resnet50", wide_stem_resnet, blocks=(3, 4, 6, 3), block="bottleneck", **WIDE_STEM)
