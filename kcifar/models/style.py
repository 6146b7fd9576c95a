"""The layers that the convolutional networks share: convolution, batch normalization and activation in one style, dropout, and the classifier.

Layers are named by group, block and role: `group2_block1_conv1`, `group2_block1_norm1`, `group2_block1_act1`,
`group2_block1_projection`, `group2_block1_add`; `stem_…` before the first group, `head_…` after the last, and `logits`.
All kernels except those of projections belong to layers that match `*_conv*`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.initializers import he_normal_fan_out, torch_uniform


@dataclass(frozen=True)
class Style:
    """The settings that all layers of a network share.

    Attributes:
        activation: Keras' name of the activation function.
        norm_momentum: Fraction of the moving averages that batch normalization keeps; 0.9 is PyTorch's momentum 0.1. The average of the
            variance is Keras' biased one, the sum of squares / n over batch, height and width; PyTorch averages that / (n - 1).
        norm_epsilon: Added to the variance; 1e-5 is PyTorch's default, 1e-3 Keras'.
        kernel_initializer: Makes the initializer of one kernel.
        attention: Attention over the channels at the end of a residual branch, see `attend`.
    """

    activation: str = "relu"
    norm_momentum: float = 0.9
    norm_epsilon: float = 1e-5
    kernel_initializer: Callable[[], Any] = he_normal_fan_out
    attention: str = "none"

    def conv(self, features: Any, filters: int, size: int, name: str, *, strides: int = 1, groups: int = 1, use_bias: bool = False) -> Any:
        """Convolve; height and width stay, or are divided by the stride and rounded up.

        A strided kernel is placed as PyTorch places it, with padding of size // 2 on all sides: Keras' "same" would shift it by one
        pixel against the strided 1x1 convolution of the shortcut.
        """
        padding = "same"
        if strides > 1 and size > 1:
            features, padding = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(features), "valid"
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
        return layer(features)

    def norm(self, features: Any, name: str) -> Any:
        """Normalize each channel over the batch."""
        return keras.layers.BatchNormalization(momentum=self.norm_momentum, epsilon=self.norm_epsilon, name=name)(features)

    def activate(self, features: Any, name: str) -> Any:
        """Apply the activation function."""
        return keras.layers.Activation(self.activation, name=name)(features)


def dropout(features: Any, rate: float, name: str) -> Any:
    """Set a fraction of the numbers to zero; rate 0 adds no layer."""
    return keras.layers.Dropout(rate, name=name)(features) if rate else features


def drop_path(features: Any, rate: float, name: str) -> Any:
    """Skip a residual branch for a fraction of the images (Huang et al., Deep Networks with Stochastic Depth, 2016); rate 0 adds no layer.

    The other images' branches are divided by 1 - rate, so inference needs no correction.
    """
    noise_shape = (None, *[1] * (len(features.shape) - 1))  # one draw per image
    return keras.layers.Dropout(rate, noise_shape=noise_shape, name=f"{name}_drop_path")(features) if rate else features


def classify(features: Any, num_classes: int, dropout_rate: float = 0.0) -> Any:
    """Average over all pixels and return float32 logits; the dense layer starts as in fb.resnet.torch: PyTorch's default kernel, zero biases."""
    means = keras.layers.GlobalAveragePooling2D(name="head_pool")(features)
    means = dropout(means, dropout_rate, "head_dropout")
    return keras.layers.Dense(num_classes, kernel_initializer=torch_uniform(), dtype="float32", name="logits")(means)
