"""The types of the networks' arguments, with their ranges, and the check of image sizes.

The upper limits are no recommendation: they turn a typing error into a message before it fills the memory.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from kcifar.core.errors import UserError

Width = Annotated[int, Field(gt=0, le=8192)]  # filters, channels or units
Depth = Annotated[int, Field(gt=0, le=256)]  # consecutive layers or blocks
PatchSize = Annotated[int, Field(gt=0, le=64)]  # pixels per side
# Ten groups halve the largest image to one pixel; the longest group of a published VGG has four convolutions.
Widths = Annotated[Sequence[Width], Field(min_length=1, max_length=10)]
Convolutions = Annotated[Sequence[Annotated[int, Field(gt=0, le=16)]], Field(min_length=1, max_length=10)]  # per group
DenseUnits = Annotated[Sequence[Width], Field(max_length=8)]
Rate = Annotated[float, Field(ge=0, lt=1)]  # fraction that is dropped
NormMomentum = Annotated[float, Field(ge=0, lt=1)]  # fraction of the moving averages that batch normalization keeps, as in Keras
NormEpsilon = Annotated[float, Field(gt=0, le=0.1)]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "hard_silu", "mish", "softplus", "tanh"]
Attention = Literal["none", "squeeze_excitation", "eca"]

MAX_IMAGE_SIZE = 1024  # pixels per side


def check_image_size(name: str, image_shape: tuple[int, int, int], *, at_least: int, multiple_of: int = 1, because: str = "") -> None:
    """Refuse images that a network cannot process, before Keras refuses them in its own words or drops a row of pixels.

    Args:
        name: Name of the network, for the message.
        image_shape: Height, width, channels.
        at_least: Smallest height and width, pixels.
        multiple_of: Divisor of height and width.
        because: The reason, for the message: "as 5 blocks halve the image".
    Raises:
        UserError: One line that says which sizes are possible.
    """
    height, width, _ = image_shape
    fits = at_least <= min(height, width) and max(height, width) <= MAX_IMAGE_SIZE and height % multiple_of == 0 == width % multiple_of
    if not fits:
        multiple = f" and multiples of {multiple_of}" if multiple_of > 1 else ""
        reason = f", {because}" if because else ""
        allowed = f"height and width of {at_least} to {MAX_IMAGE_SIZE} pixels{multiple}{reason}"
        raise UserError(f"{name}: expected {allowed}, got images of {height}x{width}")


def check_group_count(name: str, image_shape: tuple[int, int, int], groups: int) -> None:
    """Refuse images too small to be halved, rounded up, between all groups.

    Raises:
        UserError: One line that says which sizes are possible.
    """
    check_image_size(name, image_shape, at_least=2 ** (groups - 1) // 2 + 1, because=f"as {groups} groups halve the image between them")
