"""DenseNet: every layer receives the concatenated outputs of all earlier layers in its group.

Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, 2017 (https://arxiv.org/abs/1608.06993);
reference code: https://github.com/liuzhuang13/DenseNet (models/densenet.lua).
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).
A layer appends its channels to the earlier ones, as there and in torchvision; kuangliu/pytorch-cifar puts them first: its weights need
another order of channels.

- `densenet_bc_100_12` (769,162 trained parameters for 32x32x3 and 10 classes) is the paper's for CIFAR: bottleneck, compression, growth 12.
- `densenet121` (6,956,298) has the paper's ImageNet blocks after a 3x3 convolution that keeps the size, as
  shambhurajmane/Deep-Learning-CIFAR10-pytorch builds it.

Initialization and batch normalization follow the reference code: normal kernels of variance 2 / fan-out (the paper: as He et al., 2015),
PyTorch's momentum 0.1 (kept: 0.9) and epsilon 1e-5; PyTorch's default for the logits' kernel, zero for their bias. Convolutions have no
bias. A transition's pooling keeps the last row of an odd number of rows, averaged over the pixels that exist; the reference code drops it.
So no pixel is lost and no size need be refused; at 32 pixels no number is odd.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, NormEpsilon, NormMomentum, Rate, Width, check_group_count
from kcifar.models.initializers import he_normal_fan_out
from kcifar.models.style import Style, classify, dropout
from kcifar.models.variants import register_variant

# The longest group of the paper, in DenseNet-201, has 48 layers; ten groups would halve the largest image to two pixels.
DenseBlocks = Annotated[Sequence[Annotated[int, Field(gt=0, le=64)]], Field(min_length=1, max_length=10)]


def densenet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    growth: Width = 12,
    blocks: DenseBlocks = (6, 6, 6),
    bottleneck: Annotated[int, Field(ge=0, le=16)] = 4,
    compression: Annotated[float, Field(gt=0, le=1)] = 0.5,
    stem_width: Width = 24,
    dropout_rate: Rate = 0.0,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a 3x3 convolution, groups of densely connected layers with transitions between them that halve the image, and one dense layer.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side with three groups, at least 5 with four.
        num_classes: Number of logits.
        growth: Channels that each layer adds.
        blocks: Layers of each group; the paper calls a group a dense block.
        bottleneck: Channels of the 1x1 convolution before each 3x3 convolution, as a multiple of `growth`; 0: no 1x1 convolution.
        compression: Fraction of the channels that a transition keeps, rounded down.
        stem_width: Channels of the first convolution; the paper takes twice `growth` with bottlenecks, else 16.
        dropout_rate: Fraction dropped after every convolution except the first; the paper takes 0.2 without augmentation.
        activation: After each batch normalization.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update.
        norm_epsilon: Added to the variance.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved between the groups.
    """
    check_group_count(name, image_shape, len(blocks))
    style = Style(activation, norm_momentum, norm_epsilon, he_normal_fan_out)
    images = keras.Input(image_shape, name="images")
    features = style.conv(images, stem_width, 3, "stem_conv")
    for number, depth in enumerate(blocks, start=1):
        if number > 1:
            features = _add_transition(style, features, compression, dropout_rate, f"group{number - 1}_transition")
        for layer in range(1, depth + 1):
            added = _compute_layer(style, features, growth, bottleneck, dropout_rate, f"group{number}_block{layer}")
            features = keras.layers.Concatenate(name=f"group{number}_block{layer}_concat")([features, added])
    features = style.activate(style.norm(features, "head_norm"), "head_act")
    return keras.Model(images, classify(features, num_classes), name=name)


def _compute_layer(style: Style, features: Any, growth: int, bottleneck: int, dropout_rate: float, block: str) -> Any:
    """Return the channels that one layer adds."""
    convolutions = [(bottleneck * growth, 1), (growth, 3)] if bottleneck else [(growth, 3)]
    for number, (filters, size) in enumerate(convolutions, start=1):
        features = style.activate(style.norm(features, f"{block}_norm{number}"), f"{block}_act{number}")
        features = style.conv(features, filters, size, f"{block}_conv{number}")
        features = dropout(features, dropout_rate, f"{block}_dropout{number}")
    return features


def _add_transition(style: Style, features: Any, compression: float, dropout_rate: float, name: str) -> Any:
    """Keep a fraction of the channels and halve height and width."""
    kept = max(1, int(compression * features.shape[-1]))
    features = style.activate(style.norm(features, f"{name}_norm"), f"{name}_act")
    features = dropout(style.conv(features, kept, 1, f"{name}_conv"), dropout_rate, f"{name}_dropout")
    return keras.layers.AveragePooling2D(2, padding="same", name=f"{name}_pool")(features)


register_variant("densenet", densenet)
register_variant("densenet121", densenet, growth=32, blocks=(6, 12, 24, 16), bottleneck=4, compression=0.5, stem_width=64)
register_variant("densenet_bc_100_12", densenet, growth=12, blocks=(16, 16, 16), bottleneck=4, compression=0.5, stem_width=24)
