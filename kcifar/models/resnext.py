"""ResNeXt: residual bottlenecks whose 3x3 convolution works in groups of channels that do not see each other.

Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, 2017 (https://arxiv.org/abs/1611.05431);
reference code: https://github.com/facebookresearch/ResNeXt (models/resnext.lua, form C).

- `resnext29_8x64d` (34,426,698 trained parameters for 32x32x3 and 10 classes) is the paper's for CIFAR (section 5.3): 8 groups of 64 channels in the
  first of three groups of blocks. As in the reference code activations stand behind the convolutions; the paper's numbers come from
  pre-activation blocks of the same size, which the authors later found to be worse.
- `resnext29_32x4d` (4,774,218) is that of shambhurajmane/Deep-Learning-CIFAR10-pytorch, after kuangliu/pytorch-cifar: its first convolution is 1x1.

Start and batch normalisation follow the reference code: normal kernels of variance 2 / outgoing connections, torch's momentum 0.1 (kept: 0.9) and
epsilon 1e-5; torch's default for the logits' kernel, zero for their bias. Convolutions have no bias.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.blocks import Blocks, Style, classify, expect_residual_groups, he_normal_fan_out, residual_places
from kcifar.models.resnet import bottleneck_block, stem
from kcifar.models.variants import register_variant


def resnext(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    blocks: Blocks = (1, 1, 1),
    cardinality: Annotated[int, Field(gt=0, le=256)] = 8,
    group_width: Width = 8,
    width: Width = 128,
    stem_width: Width = 32,
    stem_kernel: Annotated[int, Field(gt=0, le=7)] = 3,
    activation: Activation = "relu",
    attention: Attention = "none",
    dropout_rate: Rate = 0.0,
    drop_path_rate: Rate = 0.0,
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a convolution, groups of grouped bottlenecks of which all but the first halve the image, and one dense layer.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; with three groups of blocks 3 pixels a side or more, with four 5.
        num_classes: Length of a row of logits.
        blocks: How many each group of blocks has.
        cardinality: Groups of channels in each 3x3 convolution.
        group_width: Channels of each of them in the first group of blocks; each further group of blocks has twice as many.
        width: Channels behind the blocks of the first group; each further group has twice as many.
        stem_width: Channels of the first convolution.
        stem_kernel: Its size.
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
    hidden = stem(style, images, stem_width, stem_kernel)
    for place in residual_places(blocks, drop_path_rate):
        inner = place.width(cardinality * group_width)
        hidden = bottleneck_block(style, hidden, inner, place.width(width), place, "projection", cardinality)
    return keras.Model(images, classify(hidden, num_classes, dropout_rate), name=name)


PAPER = {"blocks": (3, 3, 3), "width": 256, "stem_width": 64}

register_variant("resnext", resnext)
register_variant("resnext29_32x4d", resnext, cardinality=32, group_width=4, stem_kernel=1, **PAPER)
register_variant("resnext29_8x64d", resnext, cardinality=8, group_width=64, stem_kernel=3, **PAPER)
