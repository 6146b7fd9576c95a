"""Trained position embeddings: attention itself does not depend on the order of its tokens."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """Adds a trained vector to the token at each position of (batch, tokens, width).

    Args:
        deviation: Standard deviation of the normally distributed initial vectors; 0.02 is usual in vision transformers.
        options: Options of every Keras layer.
    """

    def __init__(self, deviation: float = 0.02, **options: Any) -> None:
        super().__init__(**options)
        self.deviation = deviation
        self._initializer = keras.initializers.RandomNormal(stddev=deviation)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the positions, float32 (1, tokens, width)."""
        self.positions = self.add_weight(shape=(1, *input_shape[1:]), initializer=self._initializer, name="positions")

    def call(self, inputs: Any) -> Any:
        """Return the sum, in the layer's compute dtype."""
        return inputs + keras.ops.cast(self.positions, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "deviation": self.deviation}
