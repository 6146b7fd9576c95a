"""Wide residual networks: few pre-activation blocks of many channels.

Zagoruyko, Komodakis: Wide Residual Networks, 2016 (https://arxiv.org/abs/1605.07146);
reference code: https://github.com/szagoruyko/wide-residual-networks (models/wide-resnet.lua).
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

- `wrn_16_4` (2,748,890 trained parameters for 32x32x3 and 10 classes), `wrn_16_8` (10,961,370) and `wrn_28_10` (36,479,194) are named by depth and
  width.

The paper's best on CIFAR-10, `wrn_28_10`, drops 0.3 between the two convolutions of a block; here dropout is off by default.
Initialization and batch normalization follow the reference code: normal kernels of variance 2 / fan-in (other residual networks: fan-out),
PyTorch's momentum 0.1 (kept: 0.9) and epsilon 1e-5; PyTorch's default for the logits' kernel, zero for their bias. Width 1, where the first block
keeps its shape, is built as in `preact_resnet`: shortcut and branch share the activation before it. The reference code shares it only where a
block changes the number of channels, which is the same for all other widths.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, Depth, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.initializers import he_normal
from kcifar.models.preact_resnet import add_basic_block
from kcifar.models.residual_blocks import check_residual_groups, count_blocks, list_positions
from kcifar.models.style import Style, classify
from kcifar.models.variants import register_variant

STEM_WIDTH = 16  # channels of the first convolution, for every width (table 1)


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
    """Build a 3x3 convolution, three groups of pre-activation blocks, and one dense layer; the last two groups halve the image.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side.
        num_classes: Number of logits.
        depth: 6n+4 for n blocks per group: their convolutions, the first convolution and the three of the shortcuts.
        width: Channels of the groups, as a multiple of 16, 32 and 64.
        activation: Before each convolution except the first, and after the last sum.
        attention: Attention over the channels at the end of each branch: "none", "squeeze_excitation" or "eca".
        dropout_rate: Fraction dropped between the two convolutions of each block.
        drop_path_rate: Fraction of the images for which the last block's branch is skipped; it grows linearly from block to block.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The depth is not 6n+4, or the image cannot be halved between the groups.
    """
    blocks = (count_blocks(name, depth, layers_per_n=6, other_layers=4),) * 3
    check_residual_groups(name, image_shape, blocks)
    style = Style(activation, norm_momentum, norm_epsilon, he_normal, attention)
    images = keras.Input(image_shape, name="images")
    features = style.conv(images, STEM_WIDTH, 3, "stem_conv")
    for position in list_positions(blocks, drop_path_rate):
        features = add_basic_block(style, features, position.width(STEM_WIDTH * width), position, "projection", dropout_rate)
    features = style.activate(style.norm(features, "head_norm"), "head_act")
    return keras.Model(images, classify(features, num_classes), name=name)


register_variant("wide_resnet", wide_resnet)
for depth, width in ((16, 4), (16, 8), (28, 10)):
    register_variant(f"wrn_{depth}_{width}", wide_resnet, depth=depth, width=width)
