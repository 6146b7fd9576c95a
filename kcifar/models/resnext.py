"""ResNeXt: residual bottlenecks whose 3x3 convolution works in separate groups of channels.

Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, 2017 (https://arxiv.org/abs/1611.05431);
reference code: https://github.com/facebookresearch/ResNeXt (models/resnext.lua, form C).
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

- `resnext29_8x64d` (34,426,698 trained parameters for 32x32x3 and 10 classes) is the paper's for CIFAR (section 5.3): 8 groups of 64 channels in the
  first of three groups of blocks. As in the reference code, activations follow the convolutions; the paper's results come from
  pre-activation blocks of the same size, which the authors later found to be worse.
- `resnext29_32x4d` (4,774,218) is that of shambhurajmane/Deep-Learning-CIFAR10-pytorch, after kuangliu/pytorch-cifar: its first convolution is 1x1.

Initialization and batch normalization follow the reference code: normal kernels of variance 2 / fan-out, PyTorch's momentum 0.1 (kept: 0.9) and
epsilon 1e-5; PyTorch's default for the logits' kernel, zero for their bias. Convolutions have no bias.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Attention, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.initializers import he_normal_fan_out
from kcifar.models.residual_blocks import Blocks, check_residual_groups, list_positions
from kcifar.models.resnet import add_bottleneck_block, add_stem
from kcifar.models.style import Style, classify
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
    """Build a convolution, groups of bottlenecks with grouped convolutions, and one dense layer; all groups except the first halve the image.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side with three groups of blocks, at least 5 with four.
        num_classes: Number of logits.
        blocks: Number of blocks in each group of blocks.
        cardinality: Groups of channels in each 3x3 convolution.
        group_width: Channels of each of them in the first group of blocks; each further group of blocks has twice as many.
        width: Output channels of the blocks in the first group; each further group has twice as many.
        stem_width: Channels of the first convolution.
        stem_kernel: Kernel size of the first convolution.
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
    features = add_stem(style, images, stem_width, stem_kernel)
    for position in list_positions(blocks, drop_path_rate):
        inner = position.width(cardinality * group_width)
        features = add_bottleneck_block(style, features, inner, position.width(width), position, "projection", cardinality)
    return keras.Model(images, classify(features, num_classes, dropout_rate), name=name)


PAPER_SIZE = {"blocks": (3, 3, 3), "width": 256, "stem_width": 64}

register_variant("resnext", resnext)
register_variant("resnext29_32x4d", resnext, cardinality=32, group_width=4, stem_kernel=1, **PAPER_SIZE)
register_variant("resnext29_8x64d", resnext, cardinality=8, group_width=64, stem_kernel=3, **PAPER_SIZE)
