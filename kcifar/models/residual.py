"""The residual network of the2roock/Cifar10-Classification (Cifar10_Classification.ipynb), and its family by numbers."""

from collections.abc import Sequence
from typing import Any

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models import MODELS
from kcifar.models.arguments import Activation, Attention, Convolutions, DenseUnits, NormMomentum, Rate, Widths, expect_image
from kcifar.models.blocks import attend


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
    """Build a stack of residual blocks, each of which also sees the input image, and a dense head.

    A block sums its 3x3 convolutions, a 1x1 projection of the previous block's output (from the second block on) and a 1x1
    projection of the input image, average-pooled to the block's size. Batch normalisation follows the sum, without activation;
    a 2x2 max pooling ends the block. With the default arguments, 32x32x3 images and 10 classes it has 17,001,930 parameters, of
    which 16,998,986 are trained. The 3x3 kernels, and no others, stand in layers that match `*_conv*`.

    Args:
        image_shape: Height, width, channels; height and width are multiples of 2 to the number of blocks.
        num_classes: Length of a row of logits.
        widths: Filters of each block.
        convolutions: How many 3x3 convolutions each block stacks; as many entries as `widths`.
        dense_units: Units of the hidden layers of the head; each is followed by dropout. May be empty.
        dropout_rate: Share of units dropped after each of them.
        norm_momentum: Share of its averages that batch normalisation keeps at each update, as Keras means it; runs of a few hundred
            updates need less than the default.
        activation: Of the 3x3 convolutions and the hidden layers of the head.
        attention: Weighs the channels of each stack of 3x3 convolutions before the sum; the notebook has none.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image cannot be halved that often, or `widths` and `convolutions` differ in length.
    Source:
        The notebook named above; Keras' own defaults throughout (Glorot uniform kernels; batch normalisation keeps 0.99 of its
        averages, epsilon 1e-3). Ours returns logits where the notebook ends with a softmax.
    """
    _check_sizes(image_shape, widths, convolutions)
    images = keras.Input(image_shape, name="images")
    hidden = images
    for position, (width, depth) in enumerate(zip(widths, convolutions, strict=True)):
        stack = _stack(hidden, width, depth, activation, f"block{position + 1}")
        stack = attend(stack, attention, f"block{position + 1}")
        hidden = _sum_and_halve(images, hidden, stack, position, norm_momentum)
    hidden = keras.layers.Flatten(name="flatten")(hidden)
    for number, units in enumerate(dense_units, start=1):
        hidden = keras.layers.Dense(units, activation=activation, name=f"head_dense{number}")(hidden)
        hidden = keras.layers.Dropout(dropout_rate, name=f"head_dropout{number}")(hidden)
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(hidden)
    return keras.Model(images, logits, name="residual_cnn")


def _stack(previous: Any, width: int, depth: int, activation: str, name: str) -> Any:
    """Return the output of a block's 3x3 convolutions."""
    hidden = previous
    for number in range(1, depth + 1):
        hidden = keras.layers.Conv2D(width, 3, padding="same", activation=activation, name=f"{name}_conv{number}")(hidden)
    return hidden


def _sum_and_halve(images: Any, previous: Any, stack: Any, position: int, norm_momentum: float) -> Any:
    """Return the output of the block at `position` (0 is the first, whose previous output is the image itself)."""
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
    expect_image("residual_cnn", image_shape, at_least=step, multiple_of=step, because=f"as {len(widths)} blocks halve the image")
