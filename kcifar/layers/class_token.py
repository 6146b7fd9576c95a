"""A trained token before an image's own tokens; the network classifies the image by its last state."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class ClassToken(keras.layers.Layer):  # type: ignore[misc]
    """Puts one trained token, initially zeros, before the tokens: (batch, tokens, width) to (batch, tokens + 1, width).

    Source:
        Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, equation 1.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the token, float32 (1, 1, width)."""
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, inputs: Any) -> Any:
        """Return the tokens with the trained one first, in the layer's compute dtype."""
        token = keras.ops.zeros_like(inputs[:, :1]) + keras.ops.cast(self.token, inputs.dtype)  # once per image
        return keras.ops.concatenate([token, inputs], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape with one more token."""
        batch, tokens, width = input_shape
        return batch, None if tokens is None else tokens + 1, width
