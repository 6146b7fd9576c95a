"""Random crops of padded images: shifts by whole pixels."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.operation import Occasion
from kcifar.augment.resampling import whole_pixels
from kcifar.core.lazy import keras

CropFill = Literal["zero", "constant", "reflect", "nearest"]


@AUGMENTATIONS.register("random_crop")
@dataclass(frozen=True)
class RandomCrop:
    """Pad an image on all sides and cut a piece of its first size out of it: the image, shifted by whole pixels.

    Draws: x and y, whole pixels, uniform in -padding to padding. The pixel (column, row) of the result is the pixel (column + x,
    row + y) of the image. Zeros leave the image as it is.

    Beyond the image there are: for `zero` black pixels, for `constant` pixels of `fill_value`, for `nearest` copies of the edge
    pixel (aaa|abcd|ddd), for `reflect` the mirror image without the edge pixel (dcb|abcd|cba), which is `numpy.pad`'s and torchvision's
    `reflect` (`random_affine` repeats the edge pixel, as scipy does).

    Attributes:
        padding: Largest shift, pixels, 0 to 1024.
        fill: What lies beyond the image.
        fill_value: Grey value 0..255 of `constant`; the others do not use it.
        probability: Share of the images that are shifted, in [0, 1].
    Source:
        He et al., Deep Residual Learning for Image Recognition, 2016, section 4.2: 4 pixels of zeros; torchvision's `RandomCrop`.
    """

    padding: Annotated[int, Field(ge=0, le=1024)] = 4
    fill: CropFill = "zero"
    fill_value: Annotated[float, Field(ge=0, le=255)] = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Two: x and y."""
        return 2

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return x and y (whole pixels) of `count` samples, float32 (count, 2)."""
        shifts: np.ndarray = occasion.generator().integers(-self.padding, self.padding, (count, 2), endpoint=True)
        return np.where(strikes(occasion, self.probability, count)[:, None], shifts, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the shifted images; see `Operation.apply`."""
        ops = keras.ops
        _, height, width, _ = images.shape
        shifts = ops.cast(ops.round(draws), "int32")
        columns, rows = shifts[:, :1] + ops.arange(width), shifts[:, 1:] + ops.arange(height)
        read = whole_pixels(images, _inside(columns, width, self.fill)[:, None, :], _inside(rows, height, self.fill)[:, :, None])
        if self.fill in ("reflect", "nearest"):
            return read
        inside = _is_inside(columns, width)[:, None, :] & _is_inside(rows, height)[:, :, None]
        return ops.where(inside[..., None], read, self.fill_value if self.fill == "constant" else 0.0)


def _inside(index: Any, size: int, fill: CropFill) -> Any:
    """Return which pixel of a row or column of `size` stands at any integer index; for zero and constant any that is there."""
    ops = keras.ops
    if fill == "reflect":
        period = max(1, 2 * (size - 1))
        index = ops.mod(index, period)
        return ops.minimum(index, period - index) if size > 1 else index
    return ops.clip(index, 0, size - 1)


def _is_inside(index: Any, size: int) -> Any:
    return (index >= 0) & (index < size)
