"""The types of optimizers' arguments, with their ranges."""

from typing import Annotated

from pydantic import Field

Decay = Annotated[float, Field(ge=0, lt=1)]  # share of an average that is kept
Epsilon = Annotated[float, Field(gt=0, le=1)]
