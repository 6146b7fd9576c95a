"""Augmentations that mix an image with another one, and their targets by the same share."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.boxes import NUM_DRAWS, box_mask, clipped_boxes
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.operation import Occasion
from kcifar.core.lazy import keras

# Below 0.01 all shares are 0 or 1 in effect; far below, the draws run out of numbers.
Alpha = Annotated[float, Field(ge=0.01, le=100)]


@AUGMENTATIONS.register("mixup")
@dataclass(frozen=True)
class MixUp:
    """Blend an image with its partner, everywhere by the same share.

    Draws: the partner's share, Beta(alpha, alpha), in [0, 1]; 0 leaves every bit of the image as it is.

    Attributes:
        alpha: 0.01 to 100: 1 makes all shares equally likely; near 0 most are near 0 or 1; large ones are near a half.
        probability: Share of the images that are mixed, in [0, 1].
    Source:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018, https://arxiv.org/abs/1710.09412, section 2, which takes alpha = 1
        for CIFAR-10. Its code draws one share a batch; here each image has its own, as the formula says.
    """

    alpha: Alpha = 1.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One: the partner's share."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the partners' shares for `count` samples, float32 (count, 1)."""
        shares: np.ndarray = occasion.generator().beta(self.alpha, self.alpha, count) * strikes(occasion, self.probability, count)
        return shares.astype(np.float32)[:, None]

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the blends; see `Mixing.mix`."""
        return images + (partners - images) * draws[:, :, None, None]

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 less the partner's share, float32 (count,)."""
        return 1 - draws[:, 0]


@AUGMENTATIONS.register("cutmix")
@dataclass(frozen=True)
class CutMix:
    """Replace a rectangle of an image by the same part of its partner.

    Draws: the rectangle's box (see `augment/boxes.py`). Its middle is any pixel, uniformly, its sides are those of the image times
    sqrt(1 - lambda), rounded down to an even number, lambda from Beta(alpha, alpha); what lies outside the image is cut off. An
    empty box leaves the image as it is. The targets' shares are those of the pixels that are there, not lambda.

    Attributes:
        alpha: 0.01 to 100: 1 makes all areas equally likely before they are cut off; near 0 most are nothing or all.
        probability: Share of the images that are mixed, in [0, 1].
    Source:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, 2019,
        https://arxiv.org/abs/1905.04899, section 3.1 and algorithm 1, which takes alpha = 1. Its code draws one box a batch; here each
        image has its own.
    """

    alpha: Alpha = 1.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: the box."""
        return NUM_DRAWS

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, float32 (count, 4)."""
        size = np.array([image_shape[1], image_shape[0]])
        centres = occasion.generator().integers(0, size, (count, 2))
        cut = np.sqrt(1 - occasion.generator(2).beta(self.alpha, self.alpha, count))
        halves = (cut[:, None] * size / 2).astype(int)
        return clipped_boxes(centres, 2 * halves * strikes(occasion, self.probability, count)[:, None], image_shape)

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the images with the partners' pixels in the boxes; see `Mixing.mix`."""
        return keras.ops.where(box_mask(draws, images), partners, images)

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the share of the pixels outside the box, float32 (count,)."""
        area = (draws[:, 2] - draws[:, 0]) * (draws[:, 3] - draws[:, 1])
        own: np.ndarray = 1 - area / (image_shape[0] * image_shape[1])
        return own.astype(np.float32)
