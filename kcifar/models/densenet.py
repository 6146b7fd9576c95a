"""DenseNet: every layer sees the concatenated outputs of all layers before it in its group.

Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, 2017 (https://arxiv.org/abs/1608.06993);
reference code: https://github.com/liuzhuang13/DenseNet (models/densenet.lua).

- `densenet_bc_100_12` (769,162 trained parameters for 32x32x3 and 10 classes) is the paper's for CIFAR: bottleneck, compression, growth 12.
- `densenet121` (6,956,298) has the paper's ImageNet blocks behind a 3x3 convolution that keeps the size, as
  shambhurajmane/Deep-Learning-CIFAR10-pytorch builds it.

Start and batch normalisation follow the reference code: normal kernels of variance 2 / outgoing connections (the paper: as He et al., 2015), torch's
momentum 0.1 (kept: 0.9) and epsilon 1e-5; torch's default for the logits' kernel, zero for their bias. Convolutions have no bias.
A transition's pooling keeps the last row of an odd number, averaged over the pixels that there are; the reference code drops it. No pixel
is lost and no size need be refused; at 32 pixels no number is odd.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, NormEpsilon, NormMomentum, Rate, Width
from kcifar.models.blocks import Style, classify, dropout, expect_groups, he_normal_fan_out
from kcifar.models.variants import register_variant

# The longest group of the paper, in DenseNet-201, has 48 layers; ten groups would halve the largest image to two pixels.
Blocks = Annotated[Sequence[Annotated[int, Field(gt=0, le=64)]], Field(min_length=1, max_length=10)]


def densenet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    growth: Width = 12,
    blocks: Blocks = (6, 6, 6),
    bottleneck: Annotated[int, Field(ge=0, le=16)] = 4,
    compression: Annotated[float, Field(gt=0, le=1)] = 0.5,
    stem_width: Width = 24,
    dropout_rate: Rate = 0.0,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of densely connected layers with transitions that halve the image between them, and one dense layer.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; with three groups 3 pixels a side or more, with four 5.
        num_classes: Length of a row of logits.
        growth: Channels that each layer adds.
        blocks: Layers of each group; the paper calls a group a dense block.
        bottleneck: A 1x1 convolution to this many times `growth` channels stands before each 3x3 convolution; 0: none does.
        compression: Share of the channels that a transition keeps, rounded down.
        stem_width: Channels of the first convolution; the paper takes twice `growth` with bottlenecks, else 16.
        dropout_rate: Share of a convolution's output dropped, all but the first; the paper takes 0.2 on data that are not augmented.
        activation: After each batch normalisation.
        norm_momentum: Share of its averages that batch normalisation keeps.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved between the groups.
    """
    expect_groups(name, image_shape, len(blocks))
    style = Style(activation, norm_momentum, norm_epsilon, he_normal_fan_out)
    images = keras.Input(image_shape, name="images")
    hidden = style.conv(images, stem_width, 3, "stem_conv")
    for number, depth in enumerate(blocks, start=1):
        if number > 1:
            hidden = _transition(style, hidden, compression, dropout_rate, f"group{number - 1}_transition")
        for layer in range(1, depth + 1):
            added = _layer(style, hidden, growth, bottleneck, dropout_rate, f"group{number}_block{layer}")
            hidden = keras.layers.Concatenate(name=f"group{number}_block{layer}_concat")([hidden, added])
    hidden = style.activate(style.norm(hidden, "head_norm"), "head_act")
    return keras.Model(images, classify(hidden, num_classes), name=name)


def _layer(style: Style, hidden: Any, growth: int, bottleneck: int, dropout_rate: float, block: str) -> Any:
    """Return the channels that one layer adds."""
    convolutions = [(bottleneck * growth, 1), (growth, 3)] if bottleneck else [(growth, 3)]
    for number, (filters, size) in enumerate(convolutions, start=1):
        hidden = style.activate(style.norm(hidden, f"{block}_norm{number}"), f"{block}_act{number}")
        hidden = style.conv(hidden, filters, size, f"{block}_conv{number}")
        hidden = dropout(hidden, dropout_rate, f"{block}_dropout{number}")
    return hidden


def _transition(style: Style, hidden: Any, compression: float, dropout_rate: float, name: str) -> Any:
    """Keep a share of the channels and half of the rows and columns."""
    kept = max(1, int(compression * hidden.shape[-1]))
    hidden = style.activate(style.norm(hidden, f"{name}_norm"), f"{name}_act")
    hidden = dropout(style.conv(hidden, kept, 1, f"{name}_conv"), dropout_rate, f"{name}_dropout")
    return keras.layers.AveragePooling2D(2, padding="same", name=f"{name}_pool")(hidden)


register_variant("densenet", densenet)
register_variant("densenet121", densenet, growth=32, blocks=(6, 12, 24, 16), bottleneck=4, compression=0.5, stem_width=64)
register_variant("densenet_bc_100_12", densenet, growth=12, blocks=(16, 16, 16), bottleneck=4, compression=0.5, stem_width=24)
