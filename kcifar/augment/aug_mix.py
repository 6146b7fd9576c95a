"""AugMix: an image mixed with transformed copies of itself."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Interpolation, Probability
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.policy_spaces import make_aug_mix_space
from kcifar.augment.transformation_space import TransformationSpace
from kcifar.augment.transformations import apply_transformations
from kcifar.core.lazy import keras

MAX_DRAWN_DEPTH = 3  # transformations of a chain whose length is drawn
_WEIGHT_STREAM = 2  # the occasion's stream for the weights; 0 is for the transformations, 1 for `draw_changed`


@AUGMENTATIONS.register("aug_mix")
@dataclass(frozen=True)
class AugMix:
    """Mix each image with `width` copies of itself, each passed through a chain of random transformations of moderate strength.

    result = s_0 x image + sum over chains k of s_k x chain_k(image), where s_0 ~ Beta(alpha, alpha) and (s_1, ...) is 1 - s_0 times a
    Dirichlet(alpha, ..., alpha). This is the mixing alone. The paper's Jensen-Shannon loss, which asks the network for similar
    predictions on an image and two mixtures of it and contributes part of the gain, is not included; targets do not change.

    Magnitudes 0 to 9: shear 0.3 m/9, translation by a third of the image x m/9 (whole pixels), rotation 30 degrees x m/9, the four factors
    1 +- 0.9 m/9, posterize to 4 - 4 m/9 bits (rounded), solarize from level 255 (1 - m/9) on (0: nothing), autocontrast, equalize; signs as
    in `rand_augment`. m is uniform from 0 to severity - 1. Chains work on whole gray levels; the mixture is not rounded,
    whereas torchvision truncates it.

    The cost is width x depth times that of one transformation: nine with the defaults, because every chain runs to the maximum length.

    Draws: the transformations of the chains in turn (`TransformationSpace.encode`); then s_0, s_1 and so on.

    Attributes:
        width: Number of chains, 1 to 8.
        depth: Transformations per chain, 1 to 8; -1 draws 1, 2 or 3 for each chain.
        severity: Upper limit of the magnitudes, 1 to 10.
        alpha: Parameter of the Dirichlet and Beta distributions, 0.1 to 100; larger values mix more evenly.
        all_changes: Whether to include brightness, color, contrast and sharpness, as torchvision does. The paper leaves these four
            out, because the corruptions in its tests (CIFAR-10-C) are similar to them.
        interpolation: How moved pixels are read: `nearest` as in torchvision, or `bilinear` as in the paper's code.
        fill_value: Gray level beyond the image. 128 as in AutoAugment; torchvision and the paper's code take 0.
        probability: Fraction of the images that are changed.
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
    fill_value: GrayLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """The transformations of every chain, and the weights of the image and the chains."""
        return self.width * self._max_depth + 1 + self.width

    @property
    def _max_depth(self) -> int:
        return MAX_DRAWN_DEPTH if self.depth == -1 else self.depth

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the transformations of the chains and the weights of each sample, float32 (count, num_draws)."""
        draws = np.concatenate([self._draw_chains(occasion, count), self._draw_weights(occasion, count)], axis=1)
        unchanged = np.zeros(self.num_draws)
        unchanged[self.width * self._max_depth] = 1  # s_0
        changed = draw_changed(occasion, self.probability, count)
        return np.where(changed[:, None], draws, unchanged).astype(np.float32)

    def _draw_chains(self, occasion: Occasion, count: int) -> np.ndarray:
        """Return the codes of all transformations, 0 after the end of a chain; (count, width x maximum depth)."""
        space, max_depth = make_aug_mix_space(self.all_changes), self._max_depth
        uniform = occasion.generator().random((count, self.width, 3 * max_depth + 1))
        transformation, magnitude, sign = np.split(uniform[:, :, 1:], 3, axis=2)
        codes = space.encode_all(_exclude_identity(transformation, space), np.floor(magnitude * self.severity), sign < 0.5)
        depth = 1 + np.floor(uniform[:, :, :1] * MAX_DRAWN_DEPTH) if self.depth == -1 else self.depth
        return np.where(np.arange(max_depth) < depth, codes, 0).reshape(count, self.width * max_depth)

    def _draw_weights(self, occasion: Occasion, count: int) -> np.ndarray:
        """Return the weights of the image and of each chain, which sum to 1; (count, 1 + width)."""
        gamma = occasion.generator(_WEIGHT_STREAM).standard_gamma(self.alpha, (count, self.width + 2))
        image, chains = gamma[:, :1] / gamma[:, :2].sum(axis=1, keepdims=True), gamma[:, 2:]
        return np.concatenate([image, (1 - image) * chains / chains.sum(axis=1, keepdims=True)], axis=1)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the mixed images; see `Operation.apply`."""
        ops = keras.ops
        depth = self._max_depth
        weights = draws[:, self.width * depth :][:, :, None, None, None]
        codes = [draws[:, chain * depth : (chain + 1) * depth] for chain in range(self.width)]
        # All chains in one batch: one program of `depth` transformations, not `width` of them.
        copies, codes = ops.concatenate([images] * self.width, axis=0), ops.concatenate(codes, axis=0)
        copies = apply_transformations(copies, codes, make_aug_mix_space(self.all_changes), Resampling(self.interpolation, self.fill_value))
        mixed = images * weights[:, 0]
        copies = ops.reshape(copies, (self.width, -1, *images.shape[1:]))
        for chain in range(self.width):
            mixed = mixed + copies[chain] * weights[:, chain + 1]
        return ops.clip(mixed, 0.0, 255.0)


def _exclude_identity(uniform: np.ndarray, space: TransformationSpace) -> np.ndarray:
    """Return positions of transformations, uniform over all except the first, the identity."""
    positions: np.ndarray = 1 + np.floor(uniform * (len(space.amounts) - 1))
    return positions
