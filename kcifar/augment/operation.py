"""The interface of every augmentation: draw, then apply; and the source of its random numbers."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np

from kcifar.core.randomness import Purpose, generator

CHANGED_STREAM = 1  # the stream of `draw_changed`; the streams 0 and from 2 on belong to the augmentation


@dataclass(frozen=True)
class Occasion:
    """One operation in one epoch: all that its draws may depend on.

    Attributes:
        seed: The run's seed.
        stage: Index of the stage, from 0.
        epoch: Epoch within the stage, from 0.
        position: Index of the operation in the stage's list, from 0; inside a `one_of`, its index there follows.
        total_epoch: Epoch over all stages, from 0.
        occurrence: How often the samples occurred earlier in this epoch; above 0 only where sampling repeats images.
    """

    seed: int = 0
    stage: int = 0
    epoch: int = 0
    position: tuple[int, ...] = (0,)
    total_epoch: int = 0
    occurrence: int = 0

    def generator(self, *stream: int) -> np.random.Generator:
        """Return the epoch's generator of a stream of draws; each number given, and none, is a separate stream."""
        if self.occurrence:
            return generator(Purpose.RECURRENCE, self.seed, self.stage, self.epoch, self.occurrence, *self.position, *stream)
        return generator(Purpose.AUGMENTATION, self.seed, self.stage, self.epoch, *self.position, *stream)

    def lasting_generator(self) -> np.random.Generator:
        """Return a generator that is the same in every epoch and stage, for choices that last for the entire run."""
        return generator(Purpose.LASTING, self.seed, *self.position)

    def inner(self, position: int) -> "Occasion":
        """Return the occasion of an operation inside this one."""
        return replace(self, position=(*self.position, position))


def draw_changed(occasion: Occasion, probability: float, count: int) -> np.ndarray:
    """Return which of `count` samples are changed, each with the given probability; boolean (count,)."""
    changed: np.ndarray = occasion.generator(CHANGED_STREAM).random(count) < probability
    return changed


class RandomStep(Protocol):
    """A step of an augmentation that makes random choices, with its settings as fields.

    `draw` runs on the host; the same draws give the same images on every backend. Row i of the draws belongs to sample i alone: it
    does not depend on the other samples of a batch, and the first rows do not depend on how many follow. So a second table of
    random numbers comes from `occasion.generator(1)`, a third from `occasion.generator(2)`.
    """

    @property
    def num_draws(self) -> int:
        """Number of float32 numbers per sample that `draw` returns."""
        ...

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the parameters of `count` samples, float32 (count, num_draws)."""
        ...


@runtime_checkable
class Operation(RandomStep, Protocol):
    """A step that changes each image separately."""

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; float32 tensor (batch, height, width, channels) in 0..255, for both input and output.

        Args:
            images: As above. Height, width and channels are known during tracing; the batch size may be unknown.
            draws: float32 tensor (batch, num_draws), rows as returned by `draw`.
        """
        ...


@runtime_checkable
class Mixing(RandomStep, Protocol):
    """A step that mixes each image with a partner from the train split, and their targets by the same draws."""

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the mixed images; shapes, dtypes and ranges as in `Operation.apply`, `partners` like `images`."""
        ...

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the fraction of each result that comes from the image itself, the weight of its target: float32 (count,) in [0, 1]."""
        ...


Step = Operation | Mixing


def is_mixing(step: Step) -> TypeGuard[Mixing]:
    """Return whether a step needs a partner."""
    return hasattr(step, "mix")
