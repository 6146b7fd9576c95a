"""The "dirac" initialization of airbench's convolutions, which passes information through from the first step on."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="kcifar")
class PartialIdentity(keras.initializers.Initializer):  # type: ignore[misc]
    """A convolution kernel whose first outputs each copy one input, through the kernel's center; the other outputs are uniform.

    With more inputs than outputs, only as many inputs are copied as there are outputs. The uniform weights are within
    1 / sqrt(fan-in), as in torch's default initialization of a convolution.

    Args:
        seed: Of the uniform weights; None draws one from Python's `random`, as Keras' own initializers do.
    Source:
        Keller Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv 2404.00498), section 3.3.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed
        self._uniform = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return a kernel of shape (height, width, inputs, outputs)."""
        *size, inputs, outputs = shape
        copied = min(inputs, outputs)
        identity = np.zeros((*size, inputs, copied), np.float32)
        identity[tuple(length // 2 for length in size)] = np.eye(inputs, copied)
        others = self._uniform(shape, dtype)[..., copied:]
        return keras.ops.concatenate([keras.ops.convert_to_tensor(identity, others.dtype), others], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self.seed}
