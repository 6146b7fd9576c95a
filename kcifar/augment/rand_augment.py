"""RandAugment: a few random transformations, all of the same strength."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Interpolation, Probability
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.policy_spaces import make_rand_augment_space
from kcifar.augment.transformations import apply_transformations


@AUGMENTATIONS.register("rand_augment")
@dataclass(frozen=True)
class RandAugment:
    """Apply `num_ops` of fourteen transformations in turn, drawn with replacement, all with the same magnitude.

    The transformations: identity, shear and translation along either axis, rotation, brightness, color, contrast, sharpness, posterize,
    solarize, autocontrast, equalize. Shear, translation, rotation and the four factors have either sign, with equal probability.

    Magnitude m of 30: shear 0.3 m/30, translation 150/331 of the image x m/30 (whole pixels), rotation 30 degrees x m/30, the four factors
    1 +- 0.9 m/30, posterize to 8 - 4 m/30 bits (rounded), solarize from level 255 (1 - m/30) on (0: nothing). Autocontrast and equalize
    have no strength, so magnitude 0 is the identity only where neither is drawn.

    Like Pillow it works on whole gray levels: an image is rounded before its first transformation and after each; see
    `transformation_space` for the reason.

    Draws: `num_ops` whole numbers, each a transformation with its bin and sign (`TransformationSpace.encode`); 0 changes nothing.

    Attributes:
        num_ops: Transformations per image, 1 to 8.
        magnitude: Strength, 0 to 30: three times the paper's scale of 10.
        interpolation: How moved pixels are read: `nearest` as in the paper, or `bilinear`.
        fill_value: Gray level beyond the image. 128 as in the paper; torchvision takes 0.
        probability: Fraction of the images that are changed.
    Source:
        Cubuk, Zoph, Shlens, Le, RandAugment: Practical automated data augmentation with a reduced search space, 2020,
        https://arxiv.org/abs/1909.13719; magnitudes from torchvision's `RandAugment` with its 31 bins.
    """

    num_ops: Annotated[int, Field(ge=1, le=8)] = 2
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    interpolation: Interpolation = "nearest"
    fill_value: GrayLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One per transformation."""
        return self.num_ops

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the codes of each sample's transformations, float32 (count, num_ops)."""
        space = make_rand_augment_space()
        transformation, sign = np.moveaxis(occasion.generator().random((count, self.num_ops, 2)), 2, 0)
        codes = space.encode_all(np.floor(transformation * len(space.amounts)), np.array(self.magnitude), sign < 0.5)
        changed = draw_changed(occasion, self.probability, count)
        return np.where(changed[:, None], codes, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        return apply_transformations(images, draws, make_rand_augment_space(), Resampling(self.interpolation, self.fill_value))
