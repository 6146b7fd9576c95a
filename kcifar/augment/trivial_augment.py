"""TrivialAugment: one change at random, of a random strength."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.elementary import apply_numbers
from kcifar.augment.operation import Occasion
from kcifar.augment.spaces import wide_space
from kcifar.augment.warp import GreyLevel, Interpolation, Sampling


@AUGMENTATIONS.register("trivial_augment")
@dataclass(frozen=True)
class TrivialAugment:
    """Change each image by one of RandAugment's fourteen changes, with a magnitude m of 0 to 30, both drawn evenly: nothing to tune.

    The wide space: shear 0.99 m/30, translation by m/30 of the image (whole pixels), rotation 135 degrees x m/30, the four factors
    1 +- 0.99 m/30, posterize to 8 - 6 m/30 bits (rounded), solarize from level 255 (1 - m/30) on (0: nothing). Signs, autocontrast,
    equalize and whole grey levels as in `rand_augment`.

    Draws: one whole number, the change with its bin and sign (`changes.Space.number`); 0 leaves the image as it is.

    Attributes:
        interpolation: How pixels that are moved are read: `nearest` as in the paper, or `bilinear`.
        fill_value: Grey level beyond the image. 128 as in AutoAugment, where torchvision and the paper's code take 0.
        probability: Share of the images that are changed.
    Source:
        Mueller, Hutter, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation, 2021, https://arxiv.org/abs/2103.10158;
        magnitudes from torchvision's `TrivialAugmentWide`, whose translation is 32 pixels for images of any size.
    """

    interpolation: Interpolation = "nearest"
    fill_value: GreyLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One: the change."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the number of each sample's change, float32 (count, 1)."""
        space = wide_space()
        change, place, sign = occasion.generator().random((count, 3)).T
        numbers = space.numbers(np.floor(change * len(space.amounts)), np.floor(place * space.bins), sign < 0.5)
        struck = strikes(occasion, self.probability, count)
        return np.where(struck, numbers, 0).astype(np.float32)[:, None]

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        return apply_numbers(images, draws, wide_space(), Sampling(self.interpolation, self.fill_value))
