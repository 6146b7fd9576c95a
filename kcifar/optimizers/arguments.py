"""Types of the optimizers' arguments, with their ranges."""

from typing import Annotated

from pydantic import Field

Decay = Annotated[float, Field(ge=0, lt=1)]  # fraction of an average that is kept
Epsilon = Annotated[float, Field(gt=0, le=1)]
