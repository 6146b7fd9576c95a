"""The types of builders' arguments, with their ranges, and the check of image sizes.

The upper ends are no recommendation: they turn a slip of the finger into a message where it would have filled the memory.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from kcifar.core.errors import UserError

Width = Annotated[int, Field(gt=0, le=8192)]  # filters, channels or units
Depth = Annotated[int, Field(gt=0, le=256)]  # layers or blocks in a row
# Ten groups halve the largest image to one pixel; the longest of a published VGG has four convolutions.
Widths = Annotated[Sequence[Width], Field(min_length=1, max_length=10)]
Convolutions = Annotated[Sequence[Annotated[int, Field(gt=0, le=16)]], Field(min_length=1, max_length=10)]  # in each group
DenseUnits = Annotated[Sequence[Width], Field(max_length=8)]
Rate = Annotated[float, Field(ge=0, lt=1)]  # share that is dropped
NormMomentum = Annotated[float, Field(ge=0, lt=1)]  # share of its averages that batch normalisation keeps, as Keras means it
NormEpsilon = Annotated[float, Field(gt=0, le=0.1)]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "hard_silu", "mish", "softplus", "tanh"]
Attention = Literal["none", "squeeze_excitation", "eca"]

LARGEST_IMAGE = 1024  # pixels a side


def expect_image(name: str, image_shape: tuple[int, int, int], *, at_least: int, multiple_of: int = 1, because: str = "") -> None:
    """Refuse images that a network cannot take, before Keras refuses them in its own words or drops a row of pixels.

    Args:
        name: Of the network, for the message.
        image_shape: Height, width, channels.
        at_least: Fewest pixels a side.
        multiple_of: What height and width must be multiples of.
        because: The reason, for the message: "as 5 blocks halve the image".
    Raises:
        UserError: One line that says which sizes are possible.
    """
    height, width, _ = image_shape
    fits = at_least <= min(height, width) and max(height, width) <= LARGEST_IMAGE and height % multiple_of == 0 == width % multiple_of
    if not fits:
        multiple = f" and multiples of {multiple_of}" if multiple_of > 1 else ""
        reason = f", {because}" if because else ""
        allowed = f"height and width of {at_least} to {LARGEST_IMAGE} pixels{multiple}{reason}"
        raise UserError(f"{name}: expected {allowed}, got images of {height}x{width}")
