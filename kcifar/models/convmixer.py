"""ConvMixer: the outline of a vision transformer, made of convolutions alone.

Paper: Asher Trockman and J. Zico Kolter, "Patches Are All You Need?", 2022 (https://arxiv.org/abs/2201.09792).
Reference code: https://github.com/locuslab/convmixer; figure 3 of the paper shows all of it.
Unlike there, the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large).

A strided convolution makes patches. Then each block mixes pixels with a depthwise convolution inside a shortcut, and channels with a 1x1
convolution. GELU comes before batch normalization. All convolutions have biases and start, like the head, as in PyTorch: kernels and
biases uniform within 1 / sqrt(fan-in); batch normalization has PyTorch's defaults.

What differs: images that the patches do not cover completely are refused, where PyTorch would leave out the last rows and columns.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, PatchSize, Width, check_image_size
from kcifar.models.style import Style
from kcifar.models.variants import register_variant

KernelSize = Annotated[int, Field(gt=0, le=31)]


def convmixer(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: Width = 128,
    depth: Annotated[int, Field(gt=0, le=128)] = 4,  # beyond 200, Python's recursion limit stops Keras' walk through the network
    kernel_size: KernelSize = 9,
    patch_size: PatchSize = 2,
    activation: Activation = "gelu",
) -> Any:
    """Build a ConvMixer; see the top of the file. `convmixer_256_8` (kernel 9, patch 1) is the paper's network for CIFAR-10.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels.
        num_classes: Number of logits.
        width: Channels of every layer.
        depth: Number of blocks.
        kernel_size: Height and width of the depthwise kernels.
        patch_size: Height and width of a patch, pixels.
        activation: After each convolution.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: Patches do not cover the image.
    """
    because = f"as patches of {patch_size}x{patch_size} cover the image"
    check_image_size(name, image_shape, at_least=patch_size, multiple_of=patch_size, because=because)
    style = Style(activation, norm_momentum=0.9, norm_epsilon=1e-5)
    images = keras.Input(image_shape, name="images")
    features = _mix_channels(images, width, patch_size, "stem_conv")
    features = style.norm(style.activate(features, "stem_act"), "stem_norm")
    for number in range(1, depth + 1):
        features = _add_block(features, kernel_size, style, f"block{number}")
    features = keras.layers.GlobalAveragePooling2D(name="head_pool")(features)
    start = {"kernel_initializer": _torch_uniform(width), "bias_initializer": _torch_uniform(width)}
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits", **start)(features)
    return keras.Model(images, logits, name=name)


def _add_block(features: Any, kernel_size: int, style: Style, name: str) -> Any:
    """Mix the pixels of each channel, inside a shortcut; then mix the channels of each pixel."""
    fan_in = kernel_size**2
    start = {"depthwise_initializer": _torch_uniform(fan_in), "bias_initializer": _torch_uniform(fan_in)}
    mixed = keras.layers.DepthwiseConv2D(kernel_size, padding="same", name=f"{name}_conv1", **start)(features)
    mixed = style.norm(style.activate(mixed, f"{name}_act1"), f"{name}_norm1")
    # The shortcut comes first: Keras walks back along it by recursion, which Python stops at 1000.
    features = keras.layers.Add(name=f"{name}_add")([features, mixed])
    features = _mix_channels(features, features.shape[-1], 1, f"{name}_conv2")
    return style.norm(style.activate(features, f"{name}_act2"), f"{name}_norm2")


def _mix_channels(features: Any, width: int, size: int, name: str) -> Any:
    """Convolve adjacent squares that do not overlap."""
    fan_in = size**2 * features.shape[-1]
    start = {"kernel_initializer": _torch_uniform(fan_in), "bias_initializer": _torch_uniform(fan_in)}
    return keras.layers.Conv2D(width, size, strides=size, name=name, **start)(features)


def _torch_uniform(fan_in: int) -> Any:
    """Return PyTorch's default initializer, for biases too; Keras would count all channels in a depthwise kernel's fan-in."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


register_variant("convmixer_256_8", convmixer, width=256, depth=8, kernel_size=9, patch_size=1)
register_variant("convmixer", convmixer)
