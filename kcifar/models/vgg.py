"""VGG: groups of 3x3 convolutions, each followed by a max pooling, with or without batch normalization.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015 (https://arxiv.org/abs/1409.1556).
Unlike in PyTorch projects, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

- `vgg16` (33,646,666 parameters for 32x32x3 and 10 classes) and `vgg13` (8,920,650) are those of nguyen-nhat-mai/CIFAR-10-image_classification:
  batch normalization between convolution and activation, a head of two dense layers with dropout before each. Its `vgg13` is the 16-layer network
  without its last group, not the paper's configuration B. Kernels start as in PyTorch, since that project does not change the default.
- `vgg11_plain`, `vgg13_plain`, `vgg16_plain`, `vgg19_plain` are the paper's configurations A, B, D, E without batch normalization; averaging and
  one dense layer replace its three dense layers of 124 million parameters, which images of 32 pixels do not need. The paper initializes the deep
  ones from the trained shallow one. Here, as in torchvision, He's normal kernels (fan-out) let all of them train from random weights; torchvision's
  normal dense kernels of standard deviation 0.01 suit 25,088 inputs, so the dense layers take PyTorch's default.

Biases start at zero, as in torchvision. Pooling keeps the last row of an odd number of rows, which PyTorch drops, so that sizes other than
multiples of 32 lose nothing; at 32 pixels no number is odd.
"""

from collections.abc import Sequence
from typing import Any, Literal

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Convolutions, DenseUnits, NormEpsilon, NormMomentum, Rate, Widths, check_image_size
from kcifar.models.initializers import he_normal_fan_out, torch_uniform
from kcifar.models.style import Style, dropout
from kcifar.models.variants import register_variant


def vgg(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    widths: Widths = (32, 64, 128, 256),
    convolutions: Convolutions = (1, 1, 2, 2),
    head: Literal["average", "flatten"] = "average",
    dense_units: DenseUnits = (),
    dropout_rate: Rate = 0.0,
    batch_norm: bool = True,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build groups of 3x3 convolutions that each end in a 2x2 max pooling, and a head.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; with g groups more than 2^(g - 1) pixels per side.
        num_classes: Number of logits.
        widths: Filters of each group's convolutions.
        convolutions: Number of convolutions in each group; as many entries as `widths`.
        head: Whether the last features are averaged over all pixels or flattened, which ties the weights to the image size.
        dense_units: Units of the head's hidden layers. May be empty.
        dropout_rate: Fraction dropped before each hidden layer; before the logits if there is none.
        batch_norm: Whether batch normalization comes between each convolution and its activation.
        activation: After the convolutions and hidden layers.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update; PyTorch's default, its momentum 0.1.
        norm_epsilon: Added to the variance; PyTorch's default.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved that often, or `widths` and `convolutions` differ in length.
    """
    if len(convolutions) != len(widths):
        raise UserError(f"{name}: convolutions: expected one number for each of the {len(widths)} widths, got {len(convolutions)}")
    check_image_size(name, image_shape, at_least=2 ** (len(widths) - 1) + 1, because=f"as {len(widths)} poolings halve the image")
    style = Style(activation, norm_momentum, norm_epsilon, torch_uniform if batch_norm else he_normal_fan_out)
    images = keras.Input(image_shape, name="images")
    features = images
    for group, (width, depth) in enumerate(zip(widths, convolutions, strict=True), start=1):
        for number in range(1, depth + 1):
            features = style.conv(features, width, 3, f"block{group}_conv{number}", use_bias=True)
            features = style.norm(features, f"block{group}_norm{number}") if batch_norm else features
            features = style.activate(features, f"block{group}_act{number}")
        features = keras.layers.MaxPooling2D(2, padding="same", name=f"block{group}_pool")(features)
    features = _add_dense_layers(style, _reduce(features, head), dense_units, dropout_rate)
    logits = keras.layers.Dense(num_classes, kernel_initializer=torch_uniform(), dtype="float32", name="logits")(features)
    return keras.Model(images, logits, name=name)


def _reduce(features: Any, head: str) -> Any:
    """Return one vector per image."""
    layers = keras.layers
    return layers.GlobalAveragePooling2D(name="head_pool")(features) if head == "average" else layers.Flatten(name="head_flatten")(features)


def _add_dense_layers(style: Style, features: Any, dense_units: Sequence[int], dropout_rate: float) -> Any:
    """Return the input of the logits: the output of the last hidden layer."""
    layers = keras.layers
    if dropout_rate and not dense_units:
        return dropout(features, dropout_rate, "head_dropout")
    for number, units in enumerate(dense_units, start=1):
        features = dropout(features, dropout_rate, f"head_dropout{number}")
        features = layers.Dense(units, style.activation, kernel_initializer=torch_uniform(), name=f"head_dense{number}")(features)
    return features


def vgg_with_dense_head(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    widths: Widths,
    convolutions: Convolutions,
    dense_units: DenseUnits,
    dropout_rate: Rate = 0.5,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build a `vgg` with batch normalization and hidden dense layers on all pixels; by default, dropout as in the paper (section 3.1).

    Args:
        name: Name of the network.
        image_shape: Height, width, channels.
        num_classes: Number of logits.
        widths: Filters of the convolutions in each group.
        convolutions: Number of convolutions in each group.
        dense_units: Units of the hidden dense layers.
        dropout_rate: Fraction of the units dropped before each hidden dense layer.
        activation: Activation of convolutions and hidden layers.
        norm_momentum: Fraction of its averages that batch normalization keeps at each update.
        norm_epsilon: Added to the variance in batch normalization.
    """
    return vgg(
        name,
        image_shape,
        num_classes,
        widths=widths,
        convolutions=convolutions,
        head="flatten",
        dense_units=dense_units,
        dropout_rate=dropout_rate,
        batch_norm=True,
        activation=activation,
        norm_momentum=norm_momentum,
        norm_epsilon=norm_epsilon,
    )


# The paper's table 1; its columns A, B, D and E differ in the number of convolutions.
PAPER_WIDTHS = (64, 128, 256, 512, 512)
PLAIN_CONVOLUTIONS = {
    "vgg11_plain": (1, 1, 2, 2, 2),
    "vgg13_plain": (2, 2, 2, 2, 2),
    "vgg16_plain": (2, 2, 3, 3, 3),
    "vgg19_plain": (2, 2, 4, 4, 4),
}
# The arguments that a plain variant does not use, or that define it.
PLAIN_ARGUMENTS = {"head": "average", "dense_units": (), "batch_norm": False, "norm_momentum": 0.9, "norm_epsilon": 1e-5}

register_variant("vgg", vgg)
register_variant("vgg16", vgg_with_dense_head, widths=PAPER_WIDTHS, convolutions=(2, 2, 3, 3, 3), dense_units=(4096, 4096))
register_variant("vgg13", vgg_with_dense_head, widths=PAPER_WIDTHS[:4], convolutions=(2, 2, 3, 3), dense_units=(500, 500))
for plain, depths in PLAIN_CONVOLUTIONS.items():
    register_variant(plain, vgg, widths=PAPER_WIDTHS, convolutions=depths, **PLAIN_ARGUMENTS)
