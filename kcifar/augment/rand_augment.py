"""RandAugment: a few changes at random, all of one strength."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.elementary import apply_numbers
from kcifar.augment.operation import Occasion
from kcifar.augment.spaces import rand_space
from kcifar.augment.warp import GreyLevel, Interpolation, Sampling


@AUGMENTATIONS.register("rand_augment")
@dataclass(frozen=True)
class RandAugment:
    """Change each image by `num_ops` of fourteen changes, drawn with repetition, one after the other, all with the same magnitude.

    The changes: identity, shear and translation along either axis, rotation, brightness, colour, contrast, sharpness, posterize,
    solarize, autocontrast, equalize. The first nine but the identity take either sign, each half of the time.

    Magnitude m of 30: shear 0.3 m/30, translation 150/331 of the image x m/30 (whole pixels), rotation 30 degrees x m/30, the four factors
    1 +- 0.9 m/30, posterize to 8 - 4 m/30 bits (rounded), solarize from level 255 (1 - m/30) on (0: nothing). Autocontrast and equalize
    have no strength, so magnitude 0 is the identity only where neither is drawn.

    Like Pillow it works on whole grey levels: an image is rounded before its first change and after each. See `changes` on why.

    Draws: `num_ops` whole numbers, each a change with its bin and sign (`changes.Space.number`); 0 leaves the image as it is.

    Attributes:
        num_ops: Changes of each image, 1 to 8.
        magnitude: Strength, 0 to 30; the paper's scale of 10 times three.
        interpolation: How pixels that are moved are read: `nearest` as in the paper, or `bilinear`.
        fill_value: Grey level beyond the image. 128 as in the paper, where torchvision takes 0.
        probability: Share of the images that are changed.
    Source:
        Cubuk, Zoph, Shlens, Le, RandAugment: Practical automated data augmentation with a reduced search space, 2020,
        https://arxiv.org/abs/1909.13719; magnitudes from torchvision's `RandAugment` with its 31 bins.
    """

    num_ops: Annotated[int, Field(ge=1, le=8)] = 2
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    interpolation: Interpolation = "nearest"
    fill_value: GreyLevel = 128.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """One for each change."""
        return self.num_ops

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the numbers of each sample's changes, float32 (count, num_ops)."""
        space = rand_space()
        change, sign = np.moveaxis(occasion.generator().random((count, self.num_ops, 2)), 2, 0)
        numbers = space.numbers(np.floor(change * len(space.amounts)), np.array(self.magnitude), sign < 0.5)
        struck = strikes(occasion, self.probability, count)
        return np.where(struck[:, None], numbers, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the changed images; see `Operation.apply`."""
        return apply_numbers(images, draws, rand_space(), Sampling(self.interpolation, self.fill_value))
