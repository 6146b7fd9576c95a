"""What a schedule stretches over: the updates of a stage, and how a recipe writes a length of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

_UNITS = re.compile(r"(\d+) (epochs?|steps?)")


def _check_duration(duration: float | str) -> float | str:
    share = not isinstance(duration, str) and 0 <= duration <= 1
    if not share and not (isinstance(duration, str) and _UNITS.fullmatch(duration)):
        raise ValueError(f"expected 'N epochs', 'N steps' or a share of the stage in [0, 1], got {duration!r}")
    return duration


# "5 epochs", "200 steps", or a fraction of the stage such as 0.1.
Duration = Annotated[
    float | str,
    AfterValidator(_check_duration),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": f"^{_UNITS.pattern}$"}],
            "allowed": "'N epochs', 'N steps' or a fraction of the stage in [0, 1]",
        }
    ),
]


@dataclass(frozen=True)
class Span:
    """The updates that a schedule gives a value to.

    Attributes:
        steps: Updates of the span, >= 1.
        steps_per_epoch: Updates of an epoch; a fraction where gradients are accumulated over batches that an epoch has no whole number of.
        history: A row of `history.csv` for each completed epoch of the stage; what a schedule of the results looks at.
    """

    steps: int
    steps_per_epoch: float
    history: Sequence[Mapping[str, Any]] = ()

    def length(self, duration: float | str) -> float:
        """Return how many updates a duration is; a share of the span, and an epoch, may be a fraction of an update longer than a whole number."""
        if not isinstance(duration, str):
            return duration * self.steps
        number, unit = duration.split()
        return int(number) * (self.steps_per_epoch if unit.startswith("epoch") else 1)

    def count(self, duration: float | str) -> int:
        """Return how many updates a duration is, rounded to the nearest."""
        return round(self.length(duration))

    def shortened(self, steps: int) -> "Span":
        """Return the span without its first `steps` updates, and without the epochs that lie wholly in them."""
        return replace(self, steps=self.steps - steps, history=self.history[round(steps / self.steps_per_epoch) :])
