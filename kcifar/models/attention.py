"""Attention over the channels of a feature map."""

import math
from typing import Any

from kcifar.core.lazy import keras

# Hu et al. (2018), section 6.4: 16 balances accuracy and size. With fewer than 4 hidden units, all of them may die behind the ReLU.
SQUEEZE_REDUCTION, MIN_SQUEEZE_UNITS = 16, 4


def attend(features: Any, kind: str, name: str) -> Any:
    """Weight the channels by their means over the entire feature map; `kind` is "none", "squeeze_excitation" or "eca"."""
    if kind == "none":
        return features
    layers = keras.layers
    channels = features.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_attention_pool")(features)
    weights = (_squeeze_and_excite if kind == "squeeze_excitation" else _convolve_channels)(weights, channels, name)
    return layers.Multiply(name=f"{name}_attention")([features, weights])


def _squeeze_and_excite(means: Any, channels: int, name: str) -> Any:
    """Apply two dense layers with a bottleneck (Hu et al., Squeeze-and-Excitation Networks, 2018, section 3)."""
    units = max(MIN_SQUEEZE_UNITS, channels // SQUEEZE_REDUCTION)
    means = keras.layers.Conv2D(units, 1, activation="relu", name=f"{name}_attention_squeeze")(means)
    return keras.layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_attention_excite")(means)


def _convolve_channels(means: Any, channels: int, name: str) -> Any:
    """Convolve along the channels (Wang et al., ECA-Net, 2020, equation 12: the kernel size is the odd number nearest to (log2(C) + 1) / 2)."""
    layers = keras.layers
    size = int((math.log2(channels) + 1) / 2)
    kernel = layers.Conv1D(1, size | 1, padding="same", use_bias=False, activation="sigmoid", name=f"{name}_attention_kernel")
    weights = kernel(layers.Reshape((channels, 1), name=f"{name}_attention_row")(means))
    return layers.Reshape((1, 1, channels), name=f"{name}_attention_column")(weights)
