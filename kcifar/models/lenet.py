"""LeNet as the small baseline of two course projects: two valid 5x5 convolutions and three dense layers.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, 1998 (http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf);
in the form of torch's CIFAR-10 tutorial, which 0xMartin/UTB-FAI-programs (dlp.ipynb) and shambhurajmane/Deep-Learning-CIFAR10-pytorch
("Baseline") train: ReLU for tanh, max pooling for trained sub-sampling, three channels in, no softmax.

Numbers: the first project writes batch normalisation after each pooling and never calls it; `lenet` is what it runs (62,006 parameters for
32x32x3 and 10 classes), `lenet_bn` what its text describes (62,050). Kernels start as torch starts them; biases start at zero, as everywhere
here, where torch draws them too. Pooling keeps the last row of an odd number, which torch drops; at 32 pixels no number is odd.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, NormEpsilon, NormMomentum, Rate, expect_image
from kcifar.models.blocks import Style, dropout, torch_uniform
from kcifar.models.variants import register_variant

FILTERS = (6, 16)
DENSE_UNITS = (120, 84)
KERNEL_SIZE = 5
# 13 - 4 = 9 pixels, pooled to 5: the second kernel fits once.
SMALLEST_IMAGE = 13


def lenet(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    batch_norm: bool,
    dropout_rate: Rate = 0.0,
    activation: Activation = "relu",
    norm_momentum: NormMomentum = 0.9,
    norm_epsilon: NormEpsilon = 1e-5,
) -> Any:
    """Build convolution, activation, max pooling twice, then dense layers of 120 and 84 units.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; 13 pixels a side or more.
        num_classes: Length of a row of logits.
        batch_norm: Whether batch normalisation follows each pooling.
        dropout_rate: Share of units dropped after each hidden dense layer.
        activation: Of convolutions and hidden dense layers.
        norm_momentum: Share of its averages that batch normalisation keeps; torch's default, by its own meaning 0.1.
        norm_epsilon: Added to the variance; torch's default.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image is too small for the second kernel.
    """
    expect_image(name, image_shape, at_least=SMALLEST_IMAGE, because=f"as two valid {KERNEL_SIZE}x{KERNEL_SIZE} convolutions shrink the image")
    style = Style(activation, norm_momentum, norm_epsilon)
    images = keras.Input(image_shape, name="images")
    hidden = images
    for number, filters in enumerate(FILTERS, start=1):
        hidden = _shrink(style, hidden, filters, f"block{number}")
        hidden = style.norm(hidden, f"block{number}_norm") if batch_norm else hidden
    hidden = _dense_layers(style, keras.layers.Flatten(name="head_flatten")(hidden), dropout_rate)
    logits = keras.layers.Dense(num_classes, kernel_initializer=torch_uniform(), dtype="float32", name="logits")(hidden)
    return keras.Model(images, logits, name=name)


def _shrink(style: Style, images: Any, filters: int, block: str) -> Any:
    """Convolve where the whole kernel lies on the image, activate, halve."""
    hidden = keras.layers.Conv2D(filters, KERNEL_SIZE, kernel_initializer=torch_uniform(), name=f"{block}_conv")(images)
    return keras.layers.MaxPooling2D(2, padding="same", name=f"{block}_pool")(style.activate(hidden, f"{block}_act"))


def _dense_layers(style: Style, hidden: Any, dropout_rate: float) -> Any:
    """Return what the last hidden layer gives, dropout included."""
    layers = keras.layers
    for number, units in enumerate(DENSE_UNITS, start=1):
        hidden = layers.Dense(units, style.activation, kernel_initializer=torch_uniform(), name=f"head_dense{number}")(hidden)
        hidden = dropout(hidden, dropout_rate, f"head_dropout{number}")
    return hidden


register_variant("lenet", lenet, batch_norm=False, norm_momentum=0.9, norm_epsilon=1e-5)
register_variant("lenet_bn", lenet, batch_norm=True)
