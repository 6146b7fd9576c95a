"""The networks of airbench, designed to reach 94, 95 and 96 % on CIFAR-10 with the fewest operations.

Paper: Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024 (https://arxiv.org/abs/2404.00498).
Reference code: https://github.com/KellerJordan/cifar10-airbench.
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

A 2x2 convolution whitens the patches of the image: its kernel is computed from training images before the first stage and frozen, its
bias is trained. Three groups follow: convolution, 2x2 max pooling, batch normalization, GELU, convolution, batch normalization, GELU;
the 96 network has a third convolution, and a shortcut around the last two. Batch normalization does not scale, is exact (epsilon
1e-12) and forgets fast. Convolutions start as partial identity, the head like a linear layer in PyTorch; logits are divided by 9.

What differs: a global max pooling replaces the 3x3 max pooling after the third group; for 32x32 images both are the same, and other
sizes work too. The fixed scale of batch normalization is not a parameter here. Without training images, the whitening starts like any
other convolution in PyTorch. The recipe decides that the whitening's bias learns for the first three epochs only, and that biases of
batch normalization learn 64 times faster.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models import DATA_INITIALIZERS
from kcifar.models.arguments import Activation, NormMomentum, Width, check_image_size
from kcifar.models.initializers import torch_uniform
from kcifar.models.style import Style
from kcifar.models.variants import register_variant

PATCH = 2  # pixels per side of a whitened patch
EIGENVALUE_FLOOR = 5e-4  # added to each eigenvalue, so that directions without variation are not amplified (reference code)
LOGIT_SCALE = 1 / 9  # reference code
NORM_EPSILON = 1e-12  # reference code
IMAGES_PER_CHUNK = 256  # images whose patches are in memory at once: 24 MB of float64 at 32x32

GroupWidths = Annotated[Sequence[Width], Field(min_length=1, max_length=6)]
GroupConvolutions = Annotated[int, Field(ge=2, le=3)]


def airbench(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    widths: GroupWidths = (64, 256, 256),
    convolutions: GroupConvolutions = 2,
    activation: Activation = "gelu",
    norm_momentum: NormMomentum = 0.6,
) -> Any:
    """Build an airbench network; see the top of the file. `initialize_from_data` completes it.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; the whitening makes the image one pixel smaller, then each group halves it.
        num_classes: Number of logits.
        widths: Filters of each group.
        convolutions: Convolutions per group; a third one adds a shortcut around the last two.
        activation: After the whitening and each batch normalization.
        norm_momentum: Fraction of the moving averages that batch normalization keeps at each update.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: The image is too small to be halved that often.
    """
    from kcifar.layers import PartialIdentity

    because = f"as {len(widths)} groups halve what a {PATCH}x{PATCH} convolution leaves"
    check_image_size(name, image_shape, at_least=2 ** len(widths) + PATCH - 1, because=because)
    style = Style(activation, norm_momentum, NORM_EPSILON, PartialIdentity)
    images = keras.Input(image_shape, name="images")
    features = _whiten(images, style)
    for number, width in enumerate(widths, start=1):
        features = _add_group(features, width, convolutions, style, f"group{number}")
    features = keras.layers.GlobalMaxPooling2D(name="head_pool")(features)
    head = keras.layers.Dense(num_classes, use_bias=False, kernel_initializer=torch_uniform(), dtype="float32", name="head_dense")
    logits = keras.layers.Rescaling(LOGIT_SCALE, dtype="float32", name="logits")(head(features))
    return keras.Model(images, logits, name=name)


def _whiten(images: Any, style: Style) -> Any:
    """Whiten patches with a frozen kernel; the bias is a layer of its own, because Keras does not save which single variables are frozen."""
    from kcifar.layers import Bias

    filters = 2 * PATCH * PATCH * images.shape[-1]  # each direction and its negative
    kernel = keras.layers.Conv2D(filters, PATCH, use_bias=False, kernel_initializer=torch_uniform(), trainable=False, name="whitening_conv")
    return style.activate(Bias(name="whitening_bias")(kernel(images)), "whitening_act")


def _add_group(features: Any, width: int, convolutions: int, style: Style, name: str) -> Any:
    """Halve the image after the first convolution; with three convolutions, add a shortcut around the last two."""
    features = style.conv(features, width, 3, f"{name}_conv1")
    features = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(features)
    shortcut = features = style.activate(_normalize(features, style, f"{name}_norm1"), f"{name}_act1")
    for number in range(2, convolutions + 1):
        features = _normalize(style.conv(features, width, 3, f"{name}_conv{number}"), style, f"{name}_norm{number}")
        if number == 3:
            features = keras.layers.Add(name=f"{name}_add")([features, shortcut])
        features = style.activate(features, f"{name}_act{number}")
    return features


def _normalize(features: Any, style: Style, name: str) -> Any:
    """Normalize each channel over the batch and add a trained bias, without a trained scale."""
    layer = keras.layers.BatchNormalization(momentum=style.norm_momentum, epsilon=style.norm_epsilon, scale=False, name=name)
    return layer(features)


@DATA_INITIALIZERS.register("airbench")
@DATA_INITIALIZERS.register("airbench94")
@DATA_INITIALIZERS.register("airbench95")
@DATA_INITIALIZERS.register("airbench96")
def initialize_from_data(network: Any, images: np.ndarray) -> None:
    """Set the kernel of `whitening_conv` so that it whitens the patches of the given images.

    Args:
        network: As `airbench` builds it, of any widths.
        images: Training images as the network receives them, float32 (count, height, width, channels); 5,000 are plenty.
    """
    network.get_layer("whitening_conv").kernel.assign(compute_whitening_kernel(images))


def compute_whitening_kernel(images: np.ndarray) -> np.ndarray:
    """Return filters that decorrelate the directions of the patches, followed by the negatives of these filters.

    Let v be the eigenvalues of the patches' uncentered covariance, in descending order. The output of the n-th filter has mean square
    v[n] / (v[n] + 5e-4), and no two filters of the first half are correlated.

    Args:
        images: float32 (count, height, width, channels).
    Returns:
        float32 (2, 2, channels, filters), 4 * channels filters and their negatives.
    """
    eigenvalues, eigenvectors = np.linalg.eigh(_compute_patch_covariance(images))
    filters = (eigenvectors / np.sqrt(np.maximum(eigenvalues, 0) + EIGENVALUE_FLOOR))[:, ::-1]
    return np.concatenate([filters, -filters], axis=1).astype(np.float32).reshape(PATCH, PATCH, images.shape[-1], -1)


def _compute_patch_covariance(images: np.ndarray) -> np.ndarray:
    """Return the mean product of any two numbers of a patch, float64 (4 * channels, 4 * channels)."""
    products, count = 0.0, 0
    for patches in _iterate_patches(images):
        products = products + patches.T @ patches
        count += len(patches)
    return np.asarray(products) / count


def _iterate_patches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the patches of a few images at a time, float64 (patches, 4 * channels), numbers in the order of a kernel."""
    height, width = images.shape[1] - PATCH + 1, images.shape[2] - PATCH + 1
    for first in range(0, len(images), IMAGES_PER_CHUNK):
        chunk = images[first : first + IMAGES_PER_CHUNK]
        corners = [chunk[:, down : down + height, right : right + width] for down in range(PATCH) for right in range(PATCH)]
        yield np.concatenate(corners, axis=-1).astype(np.float64).reshape(-1, PATCH * PATCH * images.shape[-1])


register_variant("airbench94", airbench, widths=(64, 256, 256), convolutions=2, norm_momentum=0.6)
register_variant("airbench95", airbench, widths=(128, 384, 384), convolutions=2, norm_momentum=0.6)
register_variant("airbench96", airbench, widths=(128, 384, 512), convolutions=3, norm_momentum=0.9)
register_variant("airbench", airbench)
