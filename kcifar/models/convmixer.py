"""ConvMixer: a vision transformer's outline, made of convolutions alone.

Paper: Asher Trockman and J. Zico Kolter, "Patches Are All You Need?", 2022 (https://arxiv.org/abs/2201.09792).
Reference code: https://github.com/locuslab/convmixer; figure 3 of the paper is the whole of it.

A strided convolution makes patches; then each block mixes pixels by a depthwise convolution within a shortcut, and channels by a 1x1
convolution. GELU comes before batch normalisation. All convolutions have biases and start, like the head, as torch starts them:
kernels and biases uniform within 1 / sqrt(fan-in); batch normalisation has torch's defaults.

What differs: images that the patches do not cover whole are refused, where torch would leave out the last rows and columns.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Width, expect_image
from kcifar.models.blocks import Style
from kcifar.models.variants import register_variant

KernelSize = Annotated[int, Field(gt=0, le=31)]
PatchSize = Annotated[int, Field(gt=0, le=64)]


def convmixer(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: Width = 128,
    depth: Annotated[int, Field(gt=0, le=128)] = 4,  # beyond 200 Python's recursion ends Keras' walk through the network
    kernel_size: KernelSize = 9,
    patch_size: PatchSize = 2,
    activation: Activation = "gelu",
) -> Any:
    """Build a ConvMixer; see the file's head. `convmixer_256_8` (kernel 9, patch 1) is the paper's for CIFAR-10.

    Args:
        name: Of the network.
        image_shape: Height, width, channels.
        num_classes: Length of a row of logits.
        width: Channels of every layer.
        depth: Blocks.
        kernel_size: Pixels a side of the depthwise kernels.
        patch_size: Pixels a side of a patch.
        activation: After each convolution.
    Returns:
        Functional model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: Patches do not cover the image.
    """
    expect_image(name, image_shape, at_least=patch_size, multiple_of=patch_size, because=f"as patches of {patch_size}x{patch_size} cover the image")
    style = Style(activation, norm_momentum=0.9, norm_epsilon=1e-5)
    images = keras.Input(image_shape, name="images")
    hidden = _channel_conv(images, width, patch_size, "stem_conv")
    hidden = style.norm(style.activate(hidden, "stem_act"), "stem_norm")
    for number in range(1, depth + 1):
        hidden = _block(hidden, kernel_size, style, f"block{number}")
    hidden = keras.layers.GlobalAveragePooling2D(name="head_pool")(hidden)
    start = {"kernel_initializer": _torch_uniform(width), "bias_initializer": _torch_uniform(width)}
    logits = keras.layers.Dense(num_classes, dtype="float32", name="logits", **start)(hidden)
    return keras.Model(images, logits, name=name)


def _block(hidden: Any, kernel_size: int, style: Style, name: str) -> Any:
    """Mix pixels, channel by channel, within a shortcut; then mix channels, pixel by pixel."""
    fan_in = kernel_size**2
    start = {"depthwise_initializer": _torch_uniform(fan_in), "bias_initializer": _torch_uniform(fan_in)}
    mixed = keras.layers.DepthwiseConv2D(kernel_size, padding="same", name=f"{name}_conv1", **start)(hidden)
    mixed = style.norm(style.activate(mixed, f"{name}_act1"), f"{name}_norm1")
    # The shortcut comes first: Keras walks back along it by recursion, which Python ends at 1000.
    hidden = keras.layers.Add(name=f"{name}_add")([hidden, mixed])
    hidden = _channel_conv(hidden, hidden.shape[-1], 1, f"{name}_conv2")
    return style.norm(style.activate(hidden, f"{name}_act2"), f"{name}_norm2")


def _channel_conv(hidden: Any, width: int, size: int, name: str) -> Any:
    """Convolve squares that lie side by side."""
    fan_in = size**2 * hidden.shape[-1]
    start = {"kernel_initializer": _torch_uniform(fan_in), "bias_initializer": _torch_uniform(fan_in)}
    return keras.layers.Conv2D(width, size, strides=size, name=name, **start)(hidden)


def _torch_uniform(fan_in: int) -> Any:
    """Return torch's default start, of biases too; Keras would count all channels into a depthwise kernel's fan-in."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


register_variant("convmixer_256_8", convmixer, width=256, depth=8, kernel_size=9, patch_size=1)
register_variant("convmixer", convmixer)
