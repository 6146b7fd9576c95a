"""What the convolutional families have in common: one style of layer for a whole network, attention over channels, dropped paths.

Layers are named by group, block and role: `group2_block1_conv1`, `group2_block1_norm1`, `group2_block1_act1`,
`group2_block1_projection`, `group2_block1_add`; `stem_…` before the first group, `head_…` after the last, and `logits`.
Kernels other than of projections stand in layers that match `*_conv*`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kcifar.lazy import keras

# Hu et al. (2018), section 6.4: 16 balances accuracy and size. Fewer than 4 hidden units die too easily behind a ReLU.
SQUEEZE_REDUCTION, SQUEEZE_LEAST = 16, 4


def he_normal() -> Any:
    """Return He et al.'s initialiser (2015, equation 10), normal with variance 2 / fan-in; a new one for each layer."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


def he_normal_fan_out() -> Any:
    """Return the same with the outgoing connections counted (equation 14), as fb.resnet.torch and torchvision start residual networks."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def torch_uniform() -> Any:
    """Return torch's default for convolutions and linear layers: uniform within 1 / sqrt(fan-in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@dataclass(frozen=True)
class Style:
    """What every layer of a network shares.

    Attributes:
        activation: Keras' name of the activation function.
        norm_momentum: Share of its averages that batch normalisation keeps; 0.9 is torch's momentum 0.1.
        norm_epsilon: Added to the variance; 1e-5 is torch's default, 1e-3 Keras'.
        kernel_initializer: Makes the initialiser of one kernel.
    """

    activation: str = "relu"
    norm_momentum: float = 0.9
    norm_epsilon: float = 1e-5
    kernel_initializer: Callable[[], Any] = he_normal_fan_out

    def conv(self, images: Any, filters: int, size: int, name: str, *, strides: int = 1, groups: int = 1, use_bias: bool = False) -> Any:
        """Convolve so that the size stays, or is divided by the stride and rounded up.

        A strided kernel is laid on the image as torch lays it, padded by size // 2 on all sides: Keras' "same" would shift it by a pixel
        against the strided 1x1 shortcut beside it.
        """
        padding = "same"
        if strides > 1 and size > 1:
            images, padding = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(images), "valid"
        layer = keras.layers.Conv2D(
            filters,
            size,
            strides,
            padding,
            groups=groups,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer(),
            name=name,
        )
        return layer(images)

    def norm(self, images: Any, name: str) -> Any:
        """Normalise each channel over the batch."""
        return keras.layers.BatchNormalization(momentum=self.norm_momentum, epsilon=self.norm_epsilon, name=name)(images)

    def activate(self, images: Any, name: str) -> Any:
        """Apply the activation function."""
        return keras.layers.Activation(self.activation, name=name)(images)


def drop_path(images: Any, rate: float, name: str) -> Any:
    """Leave a residual branch out for a share of the images (Huang et al., Deep Networks with Stochastic Depth, 2016); 0 adds no layer.

    What is kept is divided by the keep rate, so that nothing changes when the network is used.
    """
    return keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop_path")(images) if rate else images


def attend(images: Any, kind: str, name: str) -> Any:
    """Weigh channels by what the whole image shows: "none", "squeeze_excitation" or "eca"."""
    if kind == "none":
        return images
    layers = keras.layers
    channels = images.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_attention_pool")(images)
    weights = (_squeeze_and_excite if kind == "squeeze_excitation" else _efficient_weights)(weights, channels, name)
    return layers.Multiply(name=f"{name}_attention")([images, weights])


def _squeeze_and_excite(means: Any, channels: int, name: str) -> Any:
    """Two dense layers with a bottleneck (Hu et al., Squeeze-and-Excitation Networks, 2018, section 3)."""
    hidden = max(SQUEEZE_LEAST, channels // SQUEEZE_REDUCTION)
    means = keras.layers.Conv2D(hidden, 1, activation="relu", name=f"{name}_attention_squeeze")(means)
    return keras.layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_attention_excite")(means)


def _efficient_weights(means: Any, channels: int, name: str) -> Any:
    """One kernel along the channels (Wang et al., ECA-Net, 2020, equation 12: its size is the odd number next to (log2(C) + 1) / 2)."""
    layers = keras.layers
    size = int((math.log2(channels) + 1) / 2)
    kernel = layers.Conv1D(1, size | 1, padding="same", use_bias=False, activation="sigmoid", name=f"{name}_attention_kernel")
    weights = kernel(layers.Reshape((channels, 1), name=f"{name}_attention_row")(means))
    return layers.Reshape((1, 1, channels), name=f"{name}_attention_column")(weights)
