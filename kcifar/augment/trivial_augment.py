"""TrivialAugment: one random transformation of random strength."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Interpolation, Probability
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.policy_spaces import make_trivial_augment_space
from kcifar.augment.transformations import apply_transformations


@AUGMENTATIONS.register("trivial_augment")
@dataclass(frozen=True)
class TrivialAugment:
    """Apply one of RandAugment's fourteen transformations with a magnitude m of 0 to 30, both drawn uniformly: nothing to tune.

    The wide space: shear 0.99 m/30, translation by m/30 of the image (whole pixels), rotation 135 degrees x m/30, the four factors
    1 +- 0.99 m/30, posterize to 8 - 6 m/30 bits (rounded), solarize from level 255 (1 - m/30) on (0: nothing). Signs, autocontrast,
    equalize and whole gray levels as in `rand_augment`.

    Draws: one whole number, the transformation with its bin and sign (`TransformationSpace.encode`); 0 changes nothing.

    Attributes:
        interpolation: How moved pixels are read: `nearest` as in the paper, or `bilinear`.
        fill_value: Gray level beyond the image. 128 as in AutoAugment; torchvision and the paper's code take 0.
        probability: Fraction of the images that are changed.
    Source:
        Mueller, Hutter, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation, 2021, https://arxiv.org/abs/2103.10158;
        magnitudes from torchvision's `TrivialAugmentWide`, whose translation is 32 pixels for images of any size.
    """

    interpolation: Interpolation = "nearest"
    fill_value: GrayLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One: the transformation."""
        return 1

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the code of each sample's transformation, float32 (count, 1)."""
        space = make_trivial_augment_space()
        transformation, magnitude, sign = occasion.generator().random((count, 3)).T
        codes = space.encode_all(np.floor(transformation * len(space.amounts)), np.floor(magnitude * space.bins), sign < 0.5)
        changed = draw_changed(occasion, self.probability, count)
        return np.where(changed, codes, 0).astype(np.float32)[:, None]

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        return apply_transformations(images, draws, make_trivial_augment_space(), Resampling(self.interpolation, self.fill_value))
