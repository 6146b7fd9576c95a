"""One of several steps for each image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability
from kcifar.augment.operation import Occasion, Step, is_mixing
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras


@AUGMENTATIONS.register("one_of")
def one_of(
    *, operations: tuple[Step, ...], weights: list[Annotated[float, Field(ge=0, le=1e6)]] | None = None, probability: Probability = 1.0
) -> Step:
    """Return the step that applies one of the operations to each image.

    Each image has its own choice; every operation is computed for every image, so the step costs what they cost together.

    Draws: the number of the chosen operation, from 0, or -1 for an image that stays as it is; then the draws of all operations.

    Args:
        operations: The steps to choose from, at least one; either all of them mix images or none.
        weights: How often each is chosen, relative to the others, >= 0, one for each; None for all alike.
        probability: Share of the images that are changed, in [0, 1].
    Raises:
        UserError: Some of the operations mix and others do not, another number of weights, or no weight above 0.
    """
    mixing = [is_mixing(step) for step in operations]
    if any(mixing) != all(mixing):
        kinds = ", ".join(type(step).__name__ for step in operations)
        raise UserError(f"one_of.operations: expected that all of them mix images or none does, got {kinds}")
    kind = _OneMixing if all(mixing) else _OneOperation
    return kind(operations, _shares(weights, len(operations)), probability)


def _shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Return how often each operation is chosen; the shares sum to 1."""
    if weights is None:
        return (1 / count,) * count
    if len(weights) != count:
        raise UserError(f"one_of.weights: expected {count}, one for each operation, got {len(weights)}")
    if not sum(weights) > 0:
        raise UserError(f"one_of.weights: expected at least one above 0, got {list(weights)}")
    return tuple(weight / sum(weights) for weight in weights)


@dataclass(frozen=True)
class _Choice:
    """Which of the steps is applied to an image, and the draws of all of them."""

    steps: tuple[Step, ...]
    shares: tuple[float, ...]
    probability: float

    @property
    def num_draws(self) -> int:
        return 1 + sum(step.num_draws for step in self.steps)

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        # The occasion's further generators are those of the steps inside, so choice and probability come from the first one.
        choice, chance = occasion.generator().random((count, 2)).T
        chosen = np.searchsorted(np.cumsum(self.shares[:-1]), choice, side="right")
        chosen = np.where(chance < self.probability, chosen, -1).astype(np.float32)
        tables = [step.draw(occasion.inner(position), count, image_shape) for position, step in enumerate(self.steps)]
        return np.concatenate([chosen[:, None], *tables], axis=1)

    def each(self, draws: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield each step, which samples chose it, boolean (batch,), and its own draws."""
        start = 1
        for position, step in enumerate(self.steps):
            stop = start + step.num_draws
            yield step, abs(draws[:, 0] - position) < 0.5, draws[:, start:stop]
            start = stop


class _OneOperation(_Choice):
    """One of several operations, as `operation.Operation` says."""

    def apply(self, images: Any, draws: Any) -> Any:
        result = images
        for step, chosen, own in self.each(draws):
            result = keras.ops.where(chosen[:, None, None, None], step.apply(images, own), result)
        return result


class _OneMixing(_Choice):
    """One of several steps that mix, as `operation.Mixing` says."""

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        result = images
        for step, chosen, own in self.each(draws):
            result = keras.ops.where(chosen[:, None, None, None], step.mix(images, partners, own), result)
        return result

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        shares = np.ones(len(draws), np.float32)
        for step, chosen, own in self.each(draws):
            shares = np.where(chosen, step.own_share(own, image_shape), shares)
        return shares
