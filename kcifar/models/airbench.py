"""The networks of airbench, made to reach 94, 95 and 96 % on CIFAR-10 in the fewest operations.

Paper: Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024 (https://arxiv.org/abs/2404.00498).
Reference code: https://github.com/KellerJordan/cifar10-airbench.

A 2x2 convolution whitens the patches of the image: its kernel is set from training images before the first stage and frozen, its
bias is trained. Three groups follow: convolution, 2x2 max pooling, batch normalisation, GELU, convolution, batch normalisation, GELU;
the 96 network has a third convolution, and a shortcut around the last two. Batch normalisation does not scale, is exact (epsilon
1e-12) and forgets fast. Convolutions start as partial identity, the head as torch starts a linear layer; logits are divided by 9.

What differs: a global max pooling stands for the 3x3 one behind the third group, which is the same for 32x32 images and takes other
sizes too; the fixed scale of batch normalisation is no parameter here; without training images the whitening starts like any other
convolution of torch. That the whitening's bias learns for the first three epochs only, and biases of batch normalisation 64 times
faster, is a matter of the recipe.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models import DATA_INITIALIZERS
from kcifar.models.arguments import Activation, NormMomentum, Width, expect_image
from kcifar.models.blocks import Style, torch_uniform
from kcifar.models.variants import register_variant

PATCH = 2  # pixels a side of what is whitened
EIGENVALUE_FLOOR = 5e-4  # added to each eigenvalue, so that directions without variation are not blown up (reference code)
LOGIT_SCALE = 1 / 9  # reference code
NORM_EPSILON = 1e-12  # reference code
WHITENED_IMAGES = 256  # images whose patches are held at once: 24 MB of float64 at 32x32

Widths = Annotated[Sequence[Width], Field(min_length=1, max_length=6)]
Convolutions = Annotated[int, Field(ge=2, le=3)]


def airbench(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    widths: Widths = (64, 256, 256),
    convolutions: Convolutions = 2,
    activation: Activation = "gelu",
    norm_momentum: NormMomentum = 0.6,
) -> Any:
    """Build an airbench network; see the file's head. `initialize_from_data` completes it.

    Args:
        name: Of the network.
        image_shape: Height, width, channels; each group halves the image that the whitening has made a pixel smaller.
        num_classes: Length of a row of logits.
        widths: Filters of each group.
        convolutions: In each group; the third comes with a shortcut around the last two.
        activation: After each batch normalisation and the whitening.
        norm_momentum: Share of its averages that batch normalisation keeps.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image is too small to be halved that often.
    """
    from kcifar.layers import PartialIdentity

    because = f"as {len(widths)} groups halve what a {PATCH}x{PATCH} convolution leaves"
    expect_image(name, image_shape, at_least=2 ** len(widths) + PATCH - 1, because=because)
    style = Style(activation, norm_momentum, NORM_EPSILON, PartialIdentity)
    images = keras.Input(image_shape, name="images")
    hidden = _whitening(images, style)
    for number, width in enumerate(widths, start=1):
        hidden = _group(hidden, width, convolutions, style, f"group{number}")
    hidden = keras.layers.GlobalMaxPooling2D(name="head_pool")(hidden)
    head = keras.layers.Dense(num_classes, use_bias=False, kernel_initializer=torch_uniform(), dtype="float32", name="head_dense")
    logits = keras.layers.Rescaling(LOGIT_SCALE, dtype="float32", name="logits")(head(hidden))
    return keras.Model(images, logits, name=name)


def _whitening(images: Any, style: Style) -> Any:
    """Whiten patches by a frozen kernel; the bias is a layer of its own, since freezing a layer's variable alone is lost on saving."""
    from kcifar.layers import Bias

    filters = 2 * PATCH * PATCH * images.shape[-1]  # each direction and its negative
    kernel = keras.layers.Conv2D(filters, PATCH, use_bias=False, kernel_initializer=torch_uniform(), trainable=False, name="whitening_conv")
    return style.activate(Bias(name="whitening_bias")(kernel(images)), "whitening_act")


def _group(hidden: Any, width: int, convolutions: int, style: Style, name: str) -> Any:
    """Halve the image after the first convolution; a shortcut skips the others if there are two."""
    hidden = style.conv(hidden, width, 3, f"{name}_conv1")
    hidden = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(hidden)
    shortcut = hidden = style.activate(_norm(hidden, style, f"{name}_norm1"), f"{name}_act1")
    for number in range(2, convolutions + 1):
        hidden = _norm(style.conv(hidden, width, 3, f"{name}_conv{number}"), style, f"{name}_norm{number}")
        if number == 3:
            hidden = keras.layers.Add(name=f"{name}_add")([hidden, shortcut])
        hidden = style.activate(hidden, f"{name}_act{number}")
    return hidden


def _norm(hidden: Any, style: Style, name: str) -> Any:
    """Normalise each channel over the batch and add a trained bias; no scale is trained."""
    layer = keras.layers.BatchNormalization(momentum=style.norm_momentum, epsilon=style.norm_epsilon, scale=False, name=name)
    return layer(hidden)


@DATA_INITIALIZERS.register("airbench")
@DATA_INITIALIZERS.register("airbench94")
@DATA_INITIALIZERS.register("airbench95")
@DATA_INITIALIZERS.register("airbench96")
def initialize_from_data(network: Any, images: np.ndarray) -> None:
    """Set the kernel of `whitening_conv` so that it whitens the patches of some images.

    Args:
        network: As `airbench` builds it, of any widths.
        images: Training images as the network sees them, float32 (count, height, width, channels); 5,000 are plenty.
    """
    network.get_layer("whitening_conv").kernel.assign(whitening_kernel(images))


def whitening_kernel(images: np.ndarray) -> np.ndarray:
    """Return filters that make the patches' directions uncorrelated, and the negatives of these filters.

    With the eigenvalues v of the patches' uncentred covariance, in falling order, the n-th filter gives outputs of mean square
    v[n] / (v[n] + 5e-4), and no two filters of the first half are correlated.

    Args:
        images: float32 (count, height, width, channels).
    Returns:
        float32 (2, 2, channels, filters), 4 * channels filters and their negatives.
    """
    eigenvalues, eigenvectors = np.linalg.eigh(_patch_covariance(images))
    filters = (eigenvectors / np.sqrt(np.maximum(eigenvalues, 0) + EIGENVALUE_FLOOR))[:, ::-1]
    return np.concatenate([filters, -filters], axis=1).astype(np.float32).reshape(PATCH, PATCH, images.shape[-1], -1)


def _patch_covariance(images: np.ndarray) -> np.ndarray:
    """Return the mean product of any two numbers of a patch, float64 (4 * channels, 4 * channels)."""
    products, count = 0.0, 0
    for patches in _patches(images):
        products = products + patches.T @ patches
        count += len(patches)
    return np.asarray(products) / count


def _patches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the patches of some images at a time, float64 (patches, 4 * channels), numbers in the order of a kernel's."""
    height, width = images.shape[1] - PATCH + 1, images.shape[2] - PATCH + 1
    for first in range(0, len(images), WHITENED_IMAGES):
        chunk = images[first : first + WHITENED_IMAGES]
        corners = [chunk[:, down : down + height, right : right + width] for down in range(PATCH) for right in range(PATCH)]
        yield np.concatenate(corners, axis=-1).astype(np.float64).reshape(-1, PATCH * PATCH * images.shape[-1])


register_variant("airbench94", airbench, widths=(64, 256, 256), convolutions=2, norm_momentum=0.6)
register_variant("airbench95", airbench, widths=(128, 384, 384), convolutions=2, norm_momentum=0.6)
register_variant("airbench96", airbench, widths=(128, 384, 512), convolutions=3, norm_momentum=0.9)
register_variant("airbench", airbench)
