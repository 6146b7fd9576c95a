"""What every augmentation is: draw, then apply."""

from typing import Any, Protocol

import numpy as np


class Operation(Protocol):
    """One step of an augmentation, with its settings as fields.

    `draw` makes the random choices of `count` samples on the host; the same choices given to `apply` on any backend give the same
    images. Row i of a draw belongs to sample i alone, so that a sample's fate does not depend on its neighbours in a batch.
    """

    @property
    def num_draws(self) -> int:
        """How many float32 numbers `draw` gives a sample."""
        ...

    def draw(self, generator: np.random.Generator, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the parameters of `count` samples, float32 (count, num_draws)."""
        ...

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; float32 tensor (batch, height, width, channels) in 0..255, in and out.

        Args:
            images: As above. Height, width and channels are known when traced, the batch size need not be.
            draws: float32 tensor (batch, num_draws), rows as `draw` made them.
        """
        ...
