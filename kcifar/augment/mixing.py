"""Augmentations that mix an image with another one, and their targets by the same fraction."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.boxes import BOX_DRAWS, make_boxes, make_mask
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.core.lazy import keras

# Below 0.01 all fractions are 0 or 1 in effect; far below, the random numbers underflow.
Alpha = Annotated[float, Field(ge=0.01, le=100)]


@AUGMENTATIONS.register("mixup")
@dataclass(frozen=True)
class MixUp:
    """Blend an image with its partner, all pixels by the same fraction.

    Draws: the partner's fraction, Beta(alpha, alpha), in [0, 1]; 0 keeps every bit of the image.

    Attributes:
        alpha: 0.01 to 100: with 1, all fractions are equally likely; with small values, most are near 0 or 1; with large values, near a half.
        probability: Fraction of the images that are mixed, in [0, 1].
    Source:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018, https://arxiv.org/abs/1710.09412, section 2, with alpha = 1
        for CIFAR-10. Its code draws one fraction per batch; here each image has its own, as in the formula.
    """

    alpha: Alpha = 1.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One: the partner's fraction."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the partners' fractions for `count` samples, float32 (count, 1)."""
        fractions: np.ndarray = occasion.generator().beta(self.alpha, self.alpha, count) * draw_changed(occasion, self.probability, count)
        return fractions.astype(np.float32)[:, None]

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the blended images; see `Mixing.mix`."""
        return images + (partners - images) * draws[:, :, None, None]

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return 1 minus the partner's fraction, float32 (count,)."""
        return 1 - draws[:, 0]


@AUGMENTATIONS.register("cutmix")
@dataclass(frozen=True)
class CutMix:
    """Replace a rectangle of an image with the same rectangle of its partner.

    Draws: the rectangle's box (see `augment/boxes.py`). Its center is a uniformly drawn pixel, its sides are those of the image times
    sqrt(1 - lambda), rounded down to an even number, with lambda from Beta(alpha, alpha); it is clipped at the border of the image. An
    empty box keeps the image as it is. The targets have the fractions of the resulting pixels, not lambda.

    Attributes:
        alpha: 0.01 to 100: with 1, all areas are equally likely before clipping; with small values, most are nearly nothing or everything.
        probability: Fraction of the images that are mixed, in [0, 1].
    Source:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, 2019,
        https://arxiv.org/abs/1905.04899, section 3.1 and algorithm 1, with alpha = 1. Its code draws one box per batch; here each
        image has its own.
    """

    alpha: Alpha = 1.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Four: the box."""
        return BOX_DRAWS

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the boxes of `count` samples, whole pixels, float32 (count, 4)."""
        size = np.array([image_shape[1], image_shape[0]])
        centers = occasion.generator().integers(0, size, (count, 2))
        cut = np.sqrt(1 - occasion.generator(2).beta(self.alpha, self.alpha, count))
        halves = (cut[:, None] * size / 2).astype(int)
        return make_boxes(centers, 2 * halves * draw_changed(occasion, self.probability, count)[:, None], image_shape)

    def mix(self, images: Any, partners: Any, draws: Any) -> Any:
        """Return the images with the partners' pixels inside the boxes; see `Mixing.mix`."""
        return keras.ops.where(make_mask(draws, images), partners, images)

    def own_share(self, draws: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the fraction of the pixels outside the box, float32 (count,)."""
        area = (draws[:, 2] - draws[:, 0]) * (draws[:, 3] - draws[:, 1])
        outside: np.ndarray = 1 - area / (image_shape[0] * image_shape[1])
        return outside.astype(np.float32)
