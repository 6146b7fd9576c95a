"""Chooses one of several steps for each image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.operation import Occasion, Step, is_mixing
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras


@AUGMENTATIONS.register("one_of")
def one_of(
    *, operations: tuple[Step, ...], weights: list[Annotated[float, Field(ge=0, le=1e6)]] | None = None, probability: Probability = 1.0
) -> Step:
    """Return the step that applies one of the operations to each image.

    Each image has its own choice; every operation is computed for every image, so the cost of the step is the sum of all their costs.

    Draws: the number of the chosen operation, from 0, or -1 for an image that is not changed; then the draws of all operations.

    Args:
        operations: The steps to choose from, at least one; either all of them mix images or none does.
        weights: Relative frequency of each operation, >= 0; None: all equal.
        probability: Fraction of the images that are changed, in [0, 1].
    Raises:
        UserError: Only some of the operations mix images, the number of weights is wrong, or no weight is above 0.
    """
    mixing = [is_mixing(step) for step in operations]
    if any(mixing) != all(mixing):
        kinds = ", ".join(type(step).__name__ for step in operations)
        raise UserError(f"one_of.operations: expected all of them to mix images, or none, got {kinds}")
    kind = _OneMixing if all(mixing) else _OneOperation
    return kind(operations, _normalize_weights(weights, len(operations)), probability)


def _normalize_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Return the probability of each operation; they sum to 1."""
    if weights is None:
        return (1 / count,) * count
    if len(weights) != count:
        raise UserError(f"one_of.weights: expected {count}, one for each operation, got {len(weights)}")
    if not sum(weights) > 0:
        raise UserError(f"one_of.weights: expected at least one above 0, got {list(weights)}")
    return tuple(weight / sum(weights) for weight in weights)


@dataclass(frozen=True)
class _Choice:
    """The choice of a step for each image, and the draws of all steps."""

    steps: tuple[Step, ...]
    probabilities: tuple[float, ...]
    probability: float

    @property
    def num_draws(self) -> int:
        return 1 + sum(step.num_draws for step in self.steps)

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        # The occasion's further generators belong to the inner steps, so choice and probability come from the first one.
        choice, chance = occasion.generator().random((count, 2)).T
        chosen = np.searchsorted(np.cumsum(self.probabilities[:-1]), choice, side="right")
        chosen = np.where(chance < self.probability, chosen, -1).astype(np.float32)
        tables = [step.draw(occasion.inner(position), count, image_shape) for position, step in enumerate(self.steps)]
        return np.concatenate([chosen[:, None], *tables], axis=1)

    def _iterate_steps(self, draws: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield each step, the samples that chose it, boolean (batch,), and its draws."""
        start = 1
        for position, step in enumerate(self.steps):
            stop = start + step.num_draws
            yield step, abs(draws[:, 0] - position) < 0.5, draws[:, start:stop]
            start = stop


class _OneOperation(_Choice):
    """One of several operations; implements `Operation`."""

    def apply(self, images: Any, draws: Any) -> Any:
        result = images
        for step, chosen, step_draws in self._iterate_steps(draws):
            result = keras.ops.where(chosen[:, None, None, None], step.apply(images, step_draws), result)
        return result


class _OneMixing(_Choice):
    """One of several steps that mix; implements `Mixing`."""

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        result = images
        for step, chosen, step_draws in self._iterate_steps(draws):
            result = keras.ops.where(chosen[:, None, None, None], step.mix(images, partners, step_draws), result)
        return result

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        shares = np.ones(len(draws), np.float32)
        for step, chosen, step_draws in self._iterate_steps(draws):
            shares = np.where(chosen, step.own_share(step_draws, image_shape), shares)
        return shares
