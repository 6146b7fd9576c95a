"""The initializers of convolutional networks; each call returns a new one, for one layer."""

from typing import Any

from kcifar.core.lazy import keras


def he_normal() -> Any:
    """Return He et al.'s initializer (2015, equation 10): normal, with variance 2 / fan-in."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


def he_normal_fan_out() -> Any:
    """Return the same with variance 2 / fan-out (equation 14), as fb.resnet.torch and torchvision initialize residual networks."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def torch_uniform() -> Any:
    """Return PyTorch's default for convolutions and linear layers: uniform within 1 / sqrt(fan-in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
