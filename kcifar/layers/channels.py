"""Channels of zeros behind those that an image has: a shortcut to more channels without a parameter."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class PadChannels(keras.layers.Layer):  # type: ignore[misc]
    """Appends channels of zeros to (batch, height, width, channels) until there are `channels` of them.

    Args:
        channels: Of the output, as many as the input has or more.
    """

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse an input that has more channels already.

        Raises:
            ValueError: It has.
        """
        if input_shape[-1] is None or input_shape[-1] > self.channels:
            raise ValueError(f"{self.name}: expected an input of at most {self.channels} channels, got {input_shape[-1]}")

    def call(self, inputs: Any) -> Any:
        """Return the input with zeros behind it, in its dtype."""
        return keras.ops.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, self.channels - inputs.shape[-1])))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input with the new number of channels."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made again from."""
        return {**super().get_config(), "channels": self.channels}
