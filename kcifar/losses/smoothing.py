"""Label smoothing: Szegedy et al., Rethinking the Inception Architecture, 2016, section 7."""

from typing import Annotated, Any

from pydantic import Field

Smoothing = Annotated[float, Field(ge=0, lt=1)]


def smooth(targets: Any, label_smoothing: float) -> Any:
    """Return (1 - s) x target + s / classes, float (batch, classes); each row still sums to 1."""
    return (1 - label_smoothing) * targets + label_smoothing / targets.shape[-1]
