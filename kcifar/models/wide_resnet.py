"""Wide residual networks: few pre-activation blocks of many channels.

Zagoruyko, Komodakis: Wide Residual Networks, 2016 (https://arxiv.org/abs/1605.07146);
reference code: https://github.com/szagoruyko/wide-residual-networks (models/wide-resnet.lua).

- `wrn_16_4` (2,748,890 trained parameters for 32x32x3 and 10 classes), `wrn_16_8` (10,961,370) and `wrn_28_10` (36,479,194): depth and width.

The paper's best on CIFAR-10, `wrn_28_10`, drops 0.3 between the two convolutions of a block; dropout is off here unless asked for.
Start and batch normalisation follow the reference code: normal kernels of variance 2 / incoming connections (its fan-in, where other residual
networks count the outgoing), torch's momentum 0.1 (kept: 0.9) and epsilon 1e-5; torch's default for the logits' kernel, zero for their bias.
Width 1, where the first block keeps its shape, is built as in `preact_resnet`: the activation before it is shared by shortcut and branch. The
reference code shares it only where a block changes the number of channels, which for other widths is the same.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, Depth, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.blocks import Style, blocks_of_depth, classify, expect_residual_groups, he_normal, residual_places
from kcifar.models.preact_resnet import basic_block
from kcifar.models.variants import register_variant

STEM_WIDTH = 16  # channels of the first convolution, whatever the width (table 1)


def wide_resnet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    depth: Depth = 16,
    width: Width = 2,
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, three groups of pre-activation blocks of which the last two halve the image, and one dense layer.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; 3 pixels a side or more.
        num_classes: Length of a row of logits.
        depth: 6n+4 for n blocks a group: their convolutions, the first one and the three of the shortcuts.
        width: How many times 16, 32 and 64 channels the groups have.
        activation: Before each convolution but the first, and after the last sum.
        attention: What weighs the channels at the end of each branch: "none", "squeeze_excitation" or "eca".
        dropout_rate: Share dropped between the two convolutions of each block.
        drop_path_rate: Share of the images for which the last block's branch is left out; it grows from block to block.
        norm_momentum: Share of its averages that batch normalisation keeps.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The depth is not 6n+4, or the image cannot be halved between the groups.
    """
    blocks = (blocks_of_depth(name, depth, layers_of_group=6, other_layers=4),) * 3
    expect_residual_groups(name, image_shape, blocks)
    style = Style(activation, norm_momentum, norm_epsilon, he_normal, attention)
    images = keras.Input(image_shape, name="images")
    hidden = style.conv(images, STEM_WIDTH, 3, "stem_conv")
    for place in residual_places(blocks, drop_path_rate):
        hidden = basic_block(style, hidden, place.width(STEM_WIDTH * width), place, "projection", dropout_rate)
    hidden = style.activate(style.norm(hidden, "head_norm"), "head_act")
    return keras.Model(images, classify(hidden, num_classes), name=name)


register_variant("wide_resnet", wide_resnet)
for depth, width in ((16, 4), (16, 8), (28, 10)):
    register_variant(f"wrn_{depth}_{width}", wide_resnet, depth=depth, width=width)
