"""Random crops of padded images: shifts by whole pixels."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import GrayLevel, Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.augment.resampling import take_pixels
from kcifar.core.lazy import keras

CropFill = Literal["zero", "constant", "reflect", "nearest"]


@AUGMENTATIONS.register("random_crop")
@dataclass(frozen=True)
class RandomCrop:
    """Pad an image on all sides and crop it to its original size: the image, shifted by whole pixels.

    Draws: x and y, whole pixels, uniform in -padding to padding. The pixel (column, row) of the result is the pixel (column + x,
    row + y) of the image. Zeros keep the image as it is.

    The pixels beyond the image: `zero`: black; `constant`: `fill_value`; `nearest`: copies of the edge pixel (aaa|abcd|ddd);
    `reflect`: the mirror image without the edge pixel (dcb|abcd|cba), as in `numpy.pad` and torchvision (`random_affine` repeats the
    edge pixel, as scipy does).

    Attributes:
        padding: Largest shift, pixels, 0 to 1024.
        fill: The pixels beyond the image.
        fill_value: Gray level 0..255 for `constant`; the other fills do not use it.
        probability: Fraction of the images that are shifted, in [0, 1].
    Source:
        He et al., Deep Residual Learning for Image Recognition, 2016, section 4.2: 4 pixels of zeros; torchvision's `RandomCrop`.
    """

    padding: Annotated[int, Field(ge=0, le=1024)] = 4
    fill: CropFill = "zero"
    fill_value: GrayLevel = 0.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Two: x and y."""
        return 2

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return x and y (whole pixels) of `count` samples, float32 (count, 2)."""
        shifts: np.ndarray = occasion.generator().integers(-self.padding, self.padding, (count, 2), endpoint=True)
        return np.where(draw_changed(occasion, self.probability, count)[:, None], shifts, 0).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the shifted images; see `Operation.apply`."""
        ops = keras.ops
        _, height, width, _ = images.shape
        shifts = ops.cast(ops.round(draws), "int32")
        columns, rows = shifts[:, :1] + ops.arange(width), shifts[:, 1:] + ops.arange(height)
        shifted = take_pixels(images, _map_inside(columns, width, self.fill)[:, None, :], _map_inside(rows, height, self.fill)[:, :, None])
        if self.fill in ("reflect", "nearest"):
            return shifted
        inside = _is_inside(columns, width)[:, None, :] & _is_inside(rows, height)[:, :, None]
        return ops.where(inside[..., None], shifted, self.fill_value if self.fill == "constant" else 0.0)


def _map_inside(index: Any, size: int, fill: CropFill) -> Any:
    """Return which pixel of a row or column of `size` is at any integer index; for zero and constant, any existing one."""
    ops = keras.ops
    if fill == "reflect":
        period = max(1, 2 * (size - 1))
        index = ops.mod(index, period)
        return ops.minimum(index, period - index) if size > 1 else index
    return ops.clip(index, 0, size - 1)


def _is_inside(index: Any, size: int) -> Any:
    return (index >= 0) & (index < size)
