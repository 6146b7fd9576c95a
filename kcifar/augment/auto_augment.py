"""AutoAugment: the policy that a search found for CIFAR-10."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Interpolation, Probability
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.policy_spaces import make_auto_augment_space
from kcifar.augment.transformations import apply_transformations

PolicyStep = tuple[str, float, int]  # a transformation, its probability, its magnitude (0 for those without)

# Cubuk et al. 2019, table 7.
CIFAR10_POLICY: tuple[tuple[PolicyStep, PolicyStep], ...] = (
    (("invert", 0.1, 0), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.5, 0), ("equalize", 0.9, 0)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("color", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 0), ("equalize", 0.5, 0)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("color", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 0), ("autocontrast", 0.4, 0)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("color", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 0)),
    (("equalize", 0.2, 0), ("autocontrast", 0.6, 0)),
    (("equalize", 0.2, 0), ("equalize", 0.6, 0)),
    (("color", 0.9, 9), ("equalize", 0.6, 0)),
    (("autocontrast", 0.8, 0), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("color", 0.7, 0)),
    (("solarize", 0.4, 5), ("autocontrast", 0.9, 0)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.9, 0), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 0), ("invert", 0.1, 0)),
    (("translate_y", 0.7, 9), ("autocontrast", 0.9, 0)),
)


@AUGMENTATIONS.register("auto_augment")
@dataclass(frozen=True)
class AutoAugment:
    """Apply one of the 25 pairs of transformations that a search found for CIFAR-10, each transformation with its own probability.

    Magnitudes 0 to 9 as in torchvision: shear 0.3 m/9, translation 150/331 of the image x m/9 (whole pixels), rotation 30 degrees x m/9,
    the four factors 1 +- 0.9 m/9, posterize to 8 - 4 m/9 bits (rounded), solarize from level 255 (1 - m/9) on. Shear, translation,
    rotation and factors have either sign, with equal probability. Whole gray levels as in `rand_augment`.

    Draws: two whole numbers, each a transformation with its bin and sign (`TransformationSpace.encode`), 0 for one that is not applied.

    Attributes:
        interpolation: How moved pixels are read: `nearest` as in the paper, or `bilinear`.
        fill_value: Gray level beyond the image. 128 as in the paper; torchvision takes 0.
        probability: Fraction of the images to which the policy is applied; 22 % of these do not change, by the pairs' own probabilities.
    Source:
        Cubuk, Zoph, Mane, Vasudevan, Le, AutoAugment: Learning Augmentation Policies from Data, 2019,
        https://arxiv.org/abs/1805.09501, table 7; magnitudes from torchvision's `AutoAugment(AutoAugmentPolicy.CIFAR10)`.
    """

    interpolation: Interpolation = "nearest"
    fill_value: GrayLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Two: the transformations of a pair."""
        return 2

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the codes of each sample's two transformations, float32 (count, 2)."""
        probabilities, codes = _make_policy_table()
        uniform = occasion.generator().random((count, 5))
        pair = np.floor(uniform[:, 0] * len(CIFAR10_POLICY)).astype(int)
        chosen = codes[pair] + (uniform[:, 1:3] < 0.5)
        applied = draw_changed(occasion, self.probability, count)[:, None] & (uniform[:, 3:] < probabilities[pair])
        return np.where(applied, chosen, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        return apply_transformations(images, draws, make_auto_augment_space(), Resampling(self.interpolation, self.fill_value))


def _make_policy_table() -> tuple[np.ndarray, np.ndarray]:
    """Return each pair's two probabilities and the codes of its transformations with a positive sign; (25, 2) both."""
    space = make_auto_augment_space()
    probabilities = np.array([[probability for _, probability, _ in pair] for pair in CIFAR10_POLICY])
    return probabilities, np.array([[space.encode(name, magnitude) for name, _, magnitude in pair] for pair in CIFAR10_POLICY])
