"""AugMix: an image mixed with chains of changes of itself."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.changes import Space
from kcifar.augment.elementary import apply_numbers
from kcifar.augment.operation import Occasion
from kcifar.augment.spaces import mix_space
from kcifar.augment.warp import GreyLevel, Interpolation, Sampling
from kcifar.core.lazy import keras

LONGEST_CHAIN = 3  # changes, where their number is drawn
_SHARES = 2  # the occasion's part for shares; 0 is for changes, 1 for `strikes`


@AUGMENTATIONS.register("aug_mix")
@dataclass(frozen=True)
class AugMix:
    """Mix each image with `width` copies of itself, each sent through a chain of random changes of moderate strength.

    result = s_0 x image + sum over chains k of s_k x chain_k(image), where s_0 ~ Beta(alpha, alpha) and (s_1, ...) is 1 - s_0 times a
    Dirichlet(alpha, ..., alpha). This is the mixing alone: the paper's Jensen-Shannon loss, which asks the network for like
    predictions on an image and two mixtures of it and gives a part of the gain, is not included; targets stay as they are.

    Magnitudes 0 to 9: shear 0.3 m/9, translation by a third of the image x m/9 (whole pixels), rotation 30 degrees x m/9, the four factors
    1 +- 0.9 m/9, posterize to 4 - 4 m/9 bits (rounded), solarize from level 255 (1 - m/9) on (0: nothing), autocontrast, equalize; signs as
    in `rand_augment`. m is drawn evenly from 0 to severity - 1. Chains work on whole grey levels, the mixture is not rounded,
    where torchvision cuts its fractions off.

    It costs width x depth times one change: nine with the defaults, as every chain runs to the longest length there may be.

    Draws: the chains' changes (`changes.Space.number`), chain after chain; then s_0, s_1 and so on.

    Attributes:
        width: Chains, 1 to 8.
        depth: Changes in a chain, 1 to 8; -1 draws 1, 2 or 3 for each chain.
        severity: Of the magnitudes, 1 to 10.
        alpha: Of the Dirichlet and Beta distributions, 0.1 to 100; larger mixes more evenly.
        all_changes: With brightness, colour, contrast and sharpness as in torchvision. The paper leaves these four out, since
            the corruptions that it tests on (CIFAR-10-C) come near them.
        interpolation: How pixels that are moved are read: `nearest` as in torchvision, or `bilinear` as in the paper's code.
        fill_value: Grey level beyond the image. 128 as in AutoAugment, where torchvision and the paper's code take 0.
        probability: Share of the images that are changed.
    Source:
        Hendrycks, Mu, Cubuk, Zoph, Gilmer, Lakshminarayanan, AugMix: A Simple Data Processing Method to Improve Robustness and
        Uncertainty, 2020, https://arxiv.org/abs/1912.02781, algorithm 1; magnitudes from torchvision's `AugMix`.
    """

    width: Annotated[int, Field(ge=1, le=8)] = 3
    depth: Annotated[int, Field(ge=1, le=8)] | Literal[-1] = -1
    severity: Annotated[int, Field(ge=1, le=10)] = 3
    alpha: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    all_changes: bool = True
    interpolation: Interpolation = "nearest"
    fill_value: GreyLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """The changes of every chain, and the shares of the image and the chains."""
        return self.width * self._longest + 1 + self.width

    @property
    def _longest(self) -> int:
        return LONGEST_CHAIN if self.depth == -1 else self.depth

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the chains' numbers and the shares of each sample, float32 (count, num_draws)."""
        draws = np.concatenate([self._chains(occasion, count), self._shares(occasion, count)], axis=1)
        untouched = np.zeros(self.num_draws)
        untouched[self.width * self._longest] = 1  # s_0
        struck = strikes(occasion, self.probability, count)
        return np.where(struck[:, None], draws, untouched).astype(np.float32)

    def _chains(self, occasion: Occasion, count: int) -> np.ndarray:
        """Return the numbers of all changes, 0 behind a chain's end; (count, width x longest)."""
        space, longest = mix_space(self.all_changes), self._longest
        uniform = occasion.generator().random((count, self.width, 3 * longest + 1))
        change, place, sign = np.split(uniform[:, :, 1:], 3, axis=2)
        numbers = space.numbers(_but_identity(change, space), np.floor(place * self.severity), sign < 0.5)
        length = 1 + np.floor(uniform[:, :, :1] * LONGEST_CHAIN) if self.depth == -1 else self.depth
        return np.where(np.arange(longest) < length, numbers, 0).reshape(count, self.width * longest)

    def _shares(self, occasion: Occasion, count: int) -> np.ndarray:
        """Return the shares of the image and of each chain, which sum to 1; (count, 1 + width)."""
        gamma = occasion.generator(_SHARES).standard_gamma(self.alpha, (count, self.width + 2))
        own, chains = gamma[:, :1] / gamma[:, :2].sum(axis=1, keepdims=True), gamma[:, 2:]
        return np.concatenate([own, (1 - own) * chains / chains.sum(axis=1, keepdims=True)], axis=1)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the mixed images; see `Operation.apply`."""
        ops = keras.ops
        longest = self._longest
        shares = draws[:, self.width * longest :][:, :, None, None, None]
        numbers = [draws[:, chain * longest : (chain + 1) * longest] for chain in range(self.width)]
        # All chains in one batch, chain after chain: one program of `longest` changes, not `width` of them.
        copies, numbers = ops.concatenate([images] * self.width, axis=0), ops.concatenate(numbers, axis=0)
        copies = apply_numbers(copies, numbers, mix_space(self.all_changes), Sampling(self.interpolation, self.fill_value))
        mixed = images * shares[:, 0]
        copies = ops.reshape(copies, (self.width, -1, *images.shape[1:]))
        for chain in range(self.width):
            mixed = mixed + copies[chain] * shares[:, chain + 1]
        return ops.clip(mixed, 0.0, 255.0)


def _but_identity(uniform: np.ndarray, space: Space) -> np.ndarray:
    """Return positions of changes, evenly from all but the first, the identity."""
    positions: np.ndarray = 1 + np.floor(uniform * (len(space.amounts) - 1))
    return positions
