"""What every augmentation is: draw, then apply; and where an augmentation's randomness comes from."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np

from kcifar.core.randomness import Purpose, generator


@dataclass(frozen=True)
class Occasion:
    """One operation in one epoch: all that its draws may depend on.

    Attributes:
        seed: The run's seed.
        stage: Index of the stage, from 0.
        epoch: Epoch within the stage, from 0.
        position: Place of the operation in the stage's list, from 0; inside a `one_of`, its place there follows.
        total_epoch: Epoch over all stages, from 0.
        occurrence: How often the samples came before in this epoch; above 0 only where sampling repeats images.
    """

    seed: int = 0
    stage: int = 0
    epoch: int = 0
    position: tuple[int, ...] = (0,)
    total_epoch: int = 0
    occurrence: int = 0

    def generator(self, *part: int) -> np.random.Generator:
        """Return the epoch's generator for a part of the draws: a stream of its own for each of the numbers given, and for none."""
        if self.occurrence:
            return generator(Purpose.RECURRENCE, self.seed, self.stage, self.epoch, self.occurrence, *self.position, *part)
        return generator(Purpose.AUGMENTATION, self.seed, self.stage, self.epoch, *self.position, *part)

    def lasting_generator(self) -> np.random.Generator:
        """Return a generator that is the same in every epoch and stage, for choices that last through a run."""
        return generator(Purpose.LASTING, self.seed, *self.position)

    def inner(self, position: int) -> "Occasion":
        """Return the occasion of an operation inside this one."""
        return replace(self, position=(*self.position, position))


class Drawing(Protocol):
    """Makes the random choices of one step of an augmentation, with its settings as fields.

    `draw` runs on the host; the same choices applied on any backend give the same images. Row i of a draw belongs to sample i alone,
    so that a sample's fate does not depend on its neighbours in a batch, and the first rows do not depend on how many follow: a
    second table of draws comes from `occasion.generator(1)`, a third from `occasion.generator(2)`.
    """

    @property
    def num_draws(self) -> int:
        """How many float32 numbers `draw` gives a sample."""
        ...

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the parameters of `count` samples, float32 (count, num_draws)."""
        ...


@runtime_checkable
class Operation(Drawing, Protocol):
    """One step that changes each image by itself."""

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; float32 tensor (batch, height, width, channels) in 0..255, in and out.

        Args:
            images: As above. Height, width and channels are known when traced, the batch size need not be.
            draws: float32 tensor (batch, num_draws), rows as `draw` made them.
        """
        ...


@runtime_checkable
class Mixing(Drawing, Protocol):
    """One step that mixes each image with a partner from the training part, and their targets by the same draw."""

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the mixed images; shapes, dtypes and ranges as in `Operation.apply`, `partners` like `images`."""
        ...

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return how much of each image is its own, in [0, 1]: the weight of its own target. float32 (count,)."""
        ...


Step = Operation | Mixing


def is_mixing(step: Step) -> TypeGuard[Mixing]:
    """Whether a step needs a partner."""
    return hasattr(step, "mix")
