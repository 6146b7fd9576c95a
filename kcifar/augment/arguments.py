"""The types of the augmentations' arguments, with their ranges."""

from typing import Annotated, Literal

from pydantic import Field

Probability = Annotated[float, Field(ge=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
GrayLevel = Annotated[float, Field(ge=0, le=255)]
Interpolation = Literal["nearest", "bilinear"]

OPERATIONS = "operations"  # the argument that takes other augmentations
