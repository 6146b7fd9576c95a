"""QuizDNN: nine equal convolutions on sums of earlier outputs, 299,018 parameters for 32x32x3 and 10 classes.

From a quiz of a public course; sairamsubramaniam/tsai_projects (quiz9/README.md) states the wiring, and the parameters add up to the number
that the project names. An activation, then batch normalization follow each convolution; there is no dropout by default.

    x1 = conv(image)      x4 = pool(x1 + x2 + x3)      x8 = pool(x5 + x6 + x7)
    x2 = conv(x1)         x5 = conv(x4)                x9 = conv(x8)
    x3 = conv(x1 + x2)    x6 = conv(x4 + x5)           x10 = conv(x8 + x9)
                          x7 = conv(x4 + x5 + x6)      x11 = conv(x8 + x9 + x10), averaged, then the logits

Each column is a group here, each convolution one of its blocks. Kernels start as in PyTorch; biases start at zero, where PyTorch draws them
too. Pooling keeps the last row of an odd number of rows, which PyTorch drops; at 32 pixels no number is odd.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, NormEpsilon, NormMomentum, Rate, Width, check_image_size
from kcifar.models.initializers import torch_uniform
from kcifar.models.style import Style, classify
from kcifar.models.variants import register_variant

# Two poolings of 3 pixels: 2, then 1.
MIN_IMAGE_SIZE = 3


def quizdnn(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: Width = 64,
    dropout_rate: Rate = 0.0,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build three groups of three convolutions, each group on images of half the size.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 3 pixels per side.
        num_classes: Number of logits.
        width: Filters of every convolution.
        dropout_rate: Fraction of the averaged channels dropped before the logits.
        activation: Between each convolution and its batch normalization.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update; PyTorch's default, its momentum 0.1.
        norm_epsilon: Added to the variance; PyTorch's default.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved twice.
    """
    check_image_size(name, image_shape, at_least=MIN_IMAGE_SIZE, because="as the image is halved twice")
    layers, style = keras.layers, Style(activation, norm_momentum, norm_epsilon, torch_uniform)
    images = keras.Input(image_shape, name="images")
    features = layers.MaxPooling2D(2, padding="same", name="group1_pool")(_add_first_group(style, images, width))
    features = layers.MaxPooling2D(2, padding="same", name="group2_pool")(_add_second_group(style, features, width))
    logits = classify(_add_third_group(style, features, width), num_classes, dropout_rate)
    return keras.Model(images, logits, name=name)


def _add_first_group(style: Style, images: Any, width: int) -> Any:
    """Return x1 + x2 + x3."""
    x1 = _add_block(style, images, width, "group1_block1")
    x2 = _add_block(style, x1, width, "group1_block2")
    total = _add("group1_block2", x1, x2)
    x3 = _add_block(style, total, width, "group1_block3")
    return _add("group1_block3", total, x3)


def _add_second_group(style: Style, x4: Any, width: int) -> Any:
    """Return x5 + x6 + x7, without the group's input."""
    x5 = _add_block(style, x4, width, "group2_block1")
    total = _add("group2_block1", x4, x5)
    x6 = _add_block(style, total, width, "group2_block2")
    x7 = _add_block(style, _add("group2_block2", total, x6), width, "group2_block3")
    return _add("group2_block3", x5, x6, x7)


def _add_third_group(style: Style, x8: Any, width: int) -> Any:
    """Return x11 alone."""
    x9 = _add_block(style, x8, width, "group3_block1")
    total = _add("group3_block1", x8, x9)
    x10 = _add_block(style, total, width, "group3_block2")
    return _add_block(style, _add("group3_block2", total, x10), width, "group3_block3")


def _add_block(style: Style, features: Any, width: int, name: str) -> Any:
    """Convolve with a bias, activate, normalize: in this order, unlike the other families."""
    features = style.conv(features, width, 3, f"{name}_conv1", use_bias=True)
    return style.norm(style.activate(features, f"{name}_act1"), f"{name}_norm1")


def _add(block: str, *terms: Any) -> Any:
    return keras.layers.Add(name=f"{block}_add")(list(terms))


register_variant("quizdnn", quizdnn)
