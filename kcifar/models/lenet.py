"""LeNet as the small baseline of two course projects: two 5x5 convolutions without padding and three dense layers.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, 1998 (http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
in the form of PyTorch's CIFAR-10 tutorial, which 0xMartin/UTB-FAI-programs (dlp.ipynb) and shambhurajmane/Deep-Learning-CIFAR10-pytorch
("Baseline") train: ReLU instead of tanh, max pooling instead of trained subsampling, three input channels, no softmax.
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

The first project defines batch normalization after each pooling and never calls it: `lenet` is the network that it runs (62,006 parameters for
32x32x3 and 10 classes), `lenet_bn` the one that its text describes (62,050). Kernels start as in PyTorch; biases start at zero, as in all
networks here, where PyTorch draws them too. Pooling keeps the last row of an odd number of rows, which PyTorch drops; at 32 pixels no number is odd.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, NormEpsilon, NormMomentum, Rate, check_image_size
from kcifar.models.initializers import torch_uniform
from kcifar.models.style import Style, dropout
from kcifar.models.variants import register_variant

FILTERS = (6, 16)
DENSE_UNITS = (120, 84)
KERNEL_SIZE = 5
# 13 - 4 = 9 pixels, pooled to 5: the second kernel fits exactly once.
MIN_IMAGE_SIZE = 13


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
    """Build convolution, activation and max pooling twice, then dense layers of 120 and 84 units.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; at least 13 pixels per side.
        num_classes: Number of logits.
        batch_norm: Whether batch normalization follows each pooling.
        dropout_rate: Fraction of units dropped after each hidden dense layer.
        activation: After the convolutions and the hidden dense layers.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update; PyTorch's default, its momentum 0.1.
        norm_epsilon: Added to the variance; PyTorch's default.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image is too small for the second kernel.
    """
    because = f"as two valid {KERNEL_SIZE}x{KERNEL_SIZE} convolutions shrink the image"
    check_image_size(name, image_shape, at_least=MIN_IMAGE_SIZE, because=because)
    style = Style(activation, norm_momentum, norm_epsilon)
    images = keras.Input(image_shape, name="images")
    features = images
    for number, filters in enumerate(FILTERS, start=1):
        features = _add_convolution(style, features, filters, f"block{number}")
        features = style.norm(features, f"block{number}_norm") if batch_norm else features
    features = _add_dense_layers(style, keras.layers.Flatten(name="head_flatten")(features), dropout_rate)
    logits = keras.layers.Dense(num_classes, kernel_initializer=torch_uniform(), dtype="float32", name="logits")(features)
    return keras.Model(images, logits, name=name)


def _add_convolution(style: Style, features: Any, filters: int, block: str) -> Any:
    """Convolve without padding, activate, halve."""
    features = keras.layers.Conv2D(filters, KERNEL_SIZE, kernel_initializer=torch_uniform(), name=f"{block}_conv")(features)
    return keras.layers.MaxPooling2D(2, padding="same", name=f"{block}_pool")(style.activate(features, f"{block}_act"))


def _add_dense_layers(style: Style, features: Any, dropout_rate: float) -> Any:
    """Return the output of the last hidden layer, after dropout."""
    layers = keras.layers
    for number, units in enumerate(DENSE_UNITS, start=1):
        features = layers.Dense(units, style.activation, kernel_initializer=torch_uniform(), name=f"head_dense{number}")(features)
        features = dropout(features, dropout_rate, f"head_dropout{number}")
    return features


register_variant("lenet", lenet, batch_norm=False, norm_momentum=0.9, norm_epsilon=1e-5)
register_variant("lenet_bn", lenet, batch_norm=True)
