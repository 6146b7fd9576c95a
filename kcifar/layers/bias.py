"""A trained bias per channel, for layers that have none or whose kernel is frozen."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class Bias(keras.layers.Layer):  # type: ignore[misc]
    """Adds one trained number, initially zero, to each channel of (batch, …, channels)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the bias, float32 (channels,)."""
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Return the sum, in the layer's compute dtype."""
        return inputs + keras.ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape
