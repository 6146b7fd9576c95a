"""The residual network of 2roock/Cifar10-Classification (Cifar10_Classification.ipynb), with all of its numbers as arguments."""

from collections.abc import Sequence
from typing import Any

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models import MODELS
from kcifar.models.arguments import Activation, Attention, Convolutions, DenseUnits, NormMomentum, Rate, Widths, check_image_size
from kcifar.models.attention import attend


@MODELS.register("residual_cnn")
def residual_cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    widths: Widths = (64, 128, 256, 512, 512),
    convolutions: Convolutions = (2, 2, 3, 3, 3),
    dense_units: DenseUnits = (1024, 1024, 256),
    dropout_rate: Rate = 0.3,
    norm_momentum: NormMomentum = 0.99,
    activation: Activation = "relu",
    attention: Attention = "none",
) -> Any:
    """Build a stack of residual blocks, each of which also receives the input image, and a dense head.

    A block adds its 3x3 convolutions, a 1x1 projection of the previous block's output (from the second block on) and a 1x1
    projection of the input image, average-pooled to the block's size. Batch normalization follows the sum, without activation;
    a 2x2 max pooling ends the block. With the default arguments, 32x32x3 images and 10 classes it has 17,001,930 parameters, of
    which 16,998,986 are trained. The 3x3 kernels, and no others, belong to layers that match `*_conv*`.

    Args:
        image_shape: Height, width, channels; height and width are multiples of 2 to the number of blocks.
        num_classes: Number of logits.
        widths: Filters of each block.
        convolutions: Number of 3x3 convolutions in each block; as many entries as `widths`.
        dense_units: Units of the hidden layers of the head, each followed by dropout. May be empty.
        dropout_rate: Fraction of units dropped after each hidden layer.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update, as in Keras; runs of a few
            hundred updates need less than the default.
        activation: After the 3x3 convolutions and the hidden layers of the head.
        attention: Attention over the channels after the 3x3 convolutions, before the sum; the notebook has none.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved that often, or `widths` and `convolutions` differ in length.
    Source:
        The notebook named above, with Keras' defaults throughout (Glorot uniform kernels; batch normalization keeps 0.99 of its
        averages, epsilon 1e-3). This network returns logits where the notebook ends with a softmax.
    """
    _check_sizes(image_shape, widths, convolutions)
    images = keras.Input(image_shape, name="images")
    features = images
    for position, (width, depth) in enumerate(zip(widths, convolutions, strict=True)):
        stack = _add_stack(features, width, depth, activation, f"block{position + 1}")
        stack = attend(stack, attention, f"block{position + 1}")
        features = _sum_and_halve(images, features, stack, position, norm_momentum)
    features = keras.layers.Flatten(name="flatten")(features)
    for number, units in enumerate(dense_units, start=1):
        features = keras.layers.Dense(units, activation=activation, name=f"head_dense{number}")(features)
        features = keras.layers.Dropout(dropout_rate, name=f"head_dropout{number}")(features)
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(features)
    return keras.Model(images, logits, name="residual_cnn")


def _add_stack(features: Any, width: int, depth: int, activation: str, name: str) -> Any:
    """Return the output of a block's 3x3 convolutions."""
    for number in range(1, depth + 1):
        features = keras.layers.Conv2D(width, 3, padding="same", activation=activation, name=f"{name}_conv{number}")(features)
    return features


def _sum_and_halve(images: Any, previous: Any, stack: Any, position: int, norm_momentum: float) -> Any:
    """Return the output of the block at `position`; at 0, the first block, `previous` is the image itself."""
    layers, width = keras.layers, stack.shape[-1]
    name = f"block{position + 1}"
    terms = [stack]
    shrunk = images
    if position > 0:
        terms.append(layers.Conv2D(width, 1, name=f"{name}_block_projection")(previous))
        shrunk = layers.AveragePooling2D(2**position, name=f"{name}_input_pool")(images)
    terms.append(layers.Conv2D(width, 1, name=f"{name}_input_projection")(shrunk))
    total = layers.BatchNormalization(momentum=norm_momentum, name=f"{name}_norm")(layers.Add(name=f"{name}_add")(terms))
    return layers.MaxPooling2D(2, name=f"{name}_pool")(total)


def _check_sizes(image_shape: tuple[int, int, int], widths: Sequence[int], convolutions: Sequence[int]) -> None:
    """Refuse what cannot be built, before Keras refuses it in its own words or silently drops the last row of pixels."""
    if len(convolutions) != len(widths):
        raise UserError(f"residual_cnn: convolutions: expected one number for each of the {len(widths)} widths, got {len(convolutions)}")
    step = 2 ** len(widths)
    check_image_size("residual_cnn", image_shape, at_least=step, multiple_of=step, because=f"as {len(widths)} blocks halve the image")
