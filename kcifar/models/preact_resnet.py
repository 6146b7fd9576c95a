"""Residual networks with batch normalisation and activation before each convolution, so that the sums themselves are never changed.

He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016 (https://arxiv.org/abs/1603.05027); reference code:
https://github.com/KaimingHe/resnet-1k-layers (the bottleneck network) and https://github.com/facebookarchive/fb.resnet.torch (models/preresnet.lua).

- `preact_resnet110` (1,727,962 trained parameters for 32x32x3 and 10 classes) and `preact_resnet164` (1,703,258), of bottlenecks, are the
  paper's for CIFAR, with its shortcuts: without parameters in the first, 1x1 convolutions in the second.
- `preact_resnet18` (11,172,170), `preact_resnet34` (21,280,330) and `preact_resnet50` (23,513,162) are `resnet18`, … in the same way.

As the paper says (appendix), the activation after the first convolution comes before shortcut and branch part, another follows the last sum, and
projections take activated images: the first block of each group activates for both its ways. kuangliu/pytorch-cifar leaves out what follows the
last sum, so its `preact_resnet18` has 1,024 parameters fewer (11,171,146), and hands the first block's input to the sum before the activation.

Start and batch normalisation follow the reference code: normal kernels of variance 2 / outgoing connections, torch's momentum 0.1 (kept: 0.9) and
epsilon 1e-5; torch's default for the logits' kernel, zero for their bias. A bottleneck's stride stands on its 3x3 convolution, as in
fb.resnet.torch; the code for 164 layers has it on the first 1x1, which changes no number of parameters.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.blocks import (
    Block,
    Blocks,
    Place,
    Shortcut,
    Style,
    add_shortcut,
    classify,
    dropout,
    expect_residual_groups,
    he_normal_fan_out,
    pad_shortcut,
    residual_places,
)
from kcifar.models.resnet import EXPANSION
from kcifar.models.variants import register_variant


def preact_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    blocks: Blocks = (2, 2, 2),
    width: Width = 16,
    block: Block = "basic",
    shortcut: Shortcut = "projection",
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of pre-activation blocks of which all but the first halve the image, and one dense layer.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; with four groups 5 pixels a side or more, with three 3.
        num_classes: Length of a row of logits.
        blocks: How many each group has.
        width: Channels of the first convolution and, within its blocks, of the first group; each further group has twice as many.
        block: "basic", of two 3x3 convolutions, or "bottleneck", of a 3x3 between two 1x1 and four times the channels behind the last.
        shortcut: Where a block changes the shape, a 1x1 "projection", or every second pixel and channels of zeros ("pad").
        activation: Before each convolution but the first, and after the last sum.
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
    hidden = style.conv(images, width, 3, "stem_conv")
    for place in residual_places(blocks, drop_path_rate):
        inner = place.width(width)
        if block == "basic":
            hidden = basic_block(style, hidden, inner, place, shortcut)
        else:
            hidden = _bottleneck_block(style, hidden, inner, EXPANSION * inner, place, shortcut)
    hidden = style.activate(style.norm(hidden, "head_norm"), "head_act")
    return keras.Model(images, classify(hidden, num_classes, dropout_rate), name=name)


def basic_block(style: Style, images: Any, width: int, place: Place, shortcut: str, dropout_rate: float = 0.0) -> Any:
    """Add a branch of two 3x3 convolutions, with dropout before the second, to the images."""
    block = place.name
    activated = style.activate(style.norm(images, f"{block}_norm1"), f"{block}_act1")
    branch = style.conv(activated, width, 3, f"{block}_conv1", strides=place.strides)
    branch = style.activate(style.norm(branch, f"{block}_norm2"), f"{block}_act2")
    branch = dropout(branch, dropout_rate, f"{block}_dropout")
    branch = style.conv(branch, width, 3, f"{block}_conv2")
    return _sum(style, activated if place.opens_group else images, branch, place, shortcut)


def _bottleneck_block(style: Style, images: Any, inner: int, channels: int, place: Place, shortcut: str) -> Any:
    """Add a branch that has `inner` channels around its 3x3 convolution and ends with `channels`."""
    block = place.name
    activated = style.activate(style.norm(images, f"{block}_norm1"), f"{block}_act1")
    branch = style.conv(activated, inner, 1, f"{block}_conv1")
    branch = style.activate(style.norm(branch, f"{block}_norm2"), f"{block}_act2")
    branch = style.conv(branch, inner, 3, f"{block}_conv2", strides=place.strides)
    branch = style.activate(style.norm(branch, f"{block}_norm3"), f"{block}_act3")
    branch = style.conv(branch, channels, 1, f"{block}_conv3")
    return _sum(style, activated if place.opens_group else images, branch, place, shortcut)


def _sum(style: Style, images: Any, branch: Any, place: Place, shortcut: str) -> Any:
    """Add the branch to the images, which are brought to its shape where the block changes it."""
    channels = branch.shape[-1]
    if (place.strides, channels) != (1, images.shape[-1]):
        if shortcut == "pad":
            images = pad_shortcut(images, channels, place)
        else:
            images = style.conv(images, channels, 1, f"{place.name}_projection", strides=place.strides)
    return add_shortcut(style, images, branch, place)


register_variant("preact_resnet", preact_resnet)
register_variant("preact_resnet110", preact_resnet, blocks=(18, 18, 18), width=16, block="basic", shortcut="pad")
register_variant("preact_resnet164", preact_resnet, blocks=(18, 18, 18), width=16, block="bottleneck", shortcut="projection")
WIDE_STEM = {"width": 64, "shortcut": "projection"}
register_variant("preact_resnet18", preact_resnet, blocks=(2, 2, 2, 2), block="basic", **WIDE_STEM)
register_variant("preact_resnet34", preact_resnet, blocks=(3, 4, 6, 3), block="basic", **WIDE_STEM)
register_variant("preact_resnet50", preact_resnet, blocks=(3, 4, 6, 3), block="bottleneck", **WIDE_STEM)
