"""Zero padding of the channels: a shortcut to more channels without parameters."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kcifar")
class PadChannels(keras.layers.Layer):  # type: ignore[misc]
    """Appends channels of zeros to (batch, height, width, channels) until there are `channels` in total.

    Args:
        channels: Number of output channels, at least that of the input.
    """

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse an input with more channels.

        Raises:
            ValueError: The input has more channels.
        """
        if input_shape[-1] is None or input_shape[-1] > self.channels:
            raise ValueError(f"{self.name}: expected an input of at most {self.channels} channels, got {input_shape[-1]}")

    def call(self, inputs: Any) -> Any:
        """Return the input with the zeros appended, in its dtype."""
        return keras.ops.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, self.channels - inputs.shape[-1])))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input with the new number of channels."""
        return (*input_shape[:-1], self.channels)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "channels": self.channels}
