"""Residual networks with batch normalization and activation before each convolution, so that nothing changes the sums themselves.

He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016 (https://arxiv.org/abs/1603.05027); reference code:
https://github.com/KaimingHe/resnet-1k-layers (the bottleneck network) and https://github.com/facebookarchive/fb.resnet.torch (models/preresnet.lua).
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).
Shortcuts without parameters append channels of zeros, as there; akamaster/pytorch_resnet_cifar10 puts half of them first: its weights need
another order of channels.

- `preact_resnet110` (1,727,962 trained parameters for 32x32x3 and 10 classes) and `preact_resnet164` (1,703,258, with bottlenecks) are the
  paper's for CIFAR, with its shortcuts: without parameters in the first, 1x1 convolutions in the second.
- `preact_resnet18` (11,172,170), `preact_resnet34` (21,280,330) and `preact_resnet50` (23,513,162) are built from `resnet18`, … in the same way.

As in the paper (appendix), the activation after the first convolution comes before shortcut and branch separate, another follows the last sum,
and projections receive activated features: the first block of each group activates both its shortcut and its branch. kuangliu/pytorch-cifar omits
normalization and activation after the last sum, so its `preact_resnet18` has 1,024 parameters fewer (11,171,146), and its first block adds its
input before the activation.

Initialization and batch normalization follow the reference code: normal kernels of variance 2 / fan-out, PyTorch's momentum 0.1 (kept: 0.9) and
epsilon 1e-5; PyTorch's default for the logits' kernel, zero for their bias. The 3x3 convolution of a bottleneck has the stride, as in
fb.resnet.torch; in the code for 164 layers the first 1x1 has it, which does not change the number of parameters.
"""

from typing import Any

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
    list_positions,
    project,
)
from kcifar.models.resnet import EXPANSION
from kcifar.models.style import Style, classify, dropout
from kcifar.models.variants import register_variant


def preact_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    blocks: Blocks = (2, 2, 2),
    width: Width = 16,
    block: BlockKind = "basic",
    shortcut: Shortcut = "projection",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of pre-activation blocks, and one dense layer; all groups except the first halve the image.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side with three groups, at least 5 with four.
        num_classes: Number of logits.
        blocks: Number of blocks in each group.
        width: Channels of the first convolution and inside the blocks of the first group; each further group has twice as many.
        block: "basic": two 3x3 convolutions; "bottleneck": a 3x3 between two 1x1 convolutions, the last with four times the channels.
        shortcut: Where a block changes the shape, a 1x1 "projection", or every second pixel and channels of zeros ("pad").
        activation: Before each convolution except the first, and after the last sum.
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
    features = style.conv(images, width, 3, "stem_conv")
    for position in list_positions(blocks, drop_path_rate):
        inner = position.width(width)
        if block == "basic":
            features = add_basic_block(style, features, inner, position, shortcut)
        else:
            features = _add_bottleneck_block(style, features, inner, EXPANSION * inner, position, shortcut)
    features = style.activate(style.norm(features, "head_norm"), "head_act")
    return keras.Model(images, classify(features, num_classes, dropout_rate), name=name)


def add_basic_block(style: Style, features: Any, width: int, position: BlockPosition, shortcut: str, dropout_rate: float = 0.0) -> Any:
    """Add a branch of two 3x3 convolutions, with dropout before the second."""
    block = position.name
    activated = style.activate(style.norm(features, f"{block}_norm1"), f"{block}_act1")
    branch = style.conv(activated, width, 3, f"{block}_conv1", strides=position.strides)
    branch = style.activate(style.norm(branch, f"{block}_norm2"), f"{block}_act2")
    branch = dropout(branch, dropout_rate, f"{block}_dropout")
    branch = style.conv(branch, width, 3, f"{block}_conv2")
    return add_branch(style, activated if position.opens_group else features, branch, position, shortcut, project)


def _add_bottleneck_block(style: Style, features: Any, inner: int, channels: int, position: BlockPosition, shortcut: str) -> Any:
    """Add a branch with `inner` channels at its 3x3 convolution and `channels` at its end."""
    block = position.name
    activated = style.activate(style.norm(features, f"{block}_norm1"), f"{block}_act1")
    branch = style.conv(activated, inner, 1, f"{block}_conv1")
    branch = style.activate(style.norm(branch, f"{block}_norm2"), f"{block}_act2")
    branch = style.conv(branch, inner, 3, f"{block}_conv2", strides=position.strides)
    branch = style.activate(style.norm(branch, f"{block}_norm3"), f"{block}_act3")
    branch = style.conv(branch, channels, 1, f"{block}_conv3")
    return add_branch(style, activated if position.opens_group else features, branch, position, shortcut, project)


register_variant("preact_resnet", preact_resnet)
register_variant("preact_resnet110", preact_resnet, blocks=(18, 18, 18), width=16, block="basic", shortcut="pad")
register_variant("preact_resnet164", preact_resnet, blocks=(18, 18, 18), width=16, block="bottleneck", shortcut="projection")
WIDE_STEM = {"width": 64, "shortcut": "projection"}
register_variant("preact_resnet18", preact_resnet, blocks=(2, 2, 2, 2), block="basic", **WIDE_STEM)
register_variant("preact_resnet34", preact_resnet, blocks=(3, 4, 6, 3), block="basic", **WIDE_STEM)
register_variant("preact_resnet50", preact_resnet, blocks=(3, 4, 6, 3), block="bottleneck", **WIDE_STEM)
