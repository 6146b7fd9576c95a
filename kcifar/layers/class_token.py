"""A trained token in front of an image's own, whose last state speaks for the image."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class ClassToken(keras.layers.Layer):  # type: ignore[misc]
    """Puts one trained token, zeros at the start, before the tokens: (batch, tokens, width) to (batch, tokens + 1, width).

    Source:
        Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, equation 1.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the token, float32 (1, 1, width)."""
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, inputs: Any) -> Any:
        """Return the tokens with the trained one in front, in the layer's compute dtype."""
        token = keras.ops.zeros_like(inputs[:, :1]) + keras.ops.cast(self.token, inputs.dtype)  # once for each image
        return keras.ops.concatenate([token, inputs], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape with one token more."""
        batch, tokens, width = input_shape
        return batch, None if tokens is None else tokens + 1, width
