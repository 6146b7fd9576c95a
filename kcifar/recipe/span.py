"""The updates of a stage, over which a schedule extends, and durations as a recipe writes them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

_UNITS = re.compile(r"([0-9]{1,9}) (epochs?|steps?)")
_EPOCHS = re.compile(r"([0-9]{1,9}) epochs?")


def _check_duration(duration: float | str) -> float | str:
    is_fraction = not isinstance(duration, str) and 0 <= duration <= 1
    if not is_fraction and not (isinstance(duration, str) and _UNITS.fullmatch(duration)):
        raise ValueError(f"expected 'N epochs', 'N steps' or a fraction of the stage in [0, 1], got {duration!r}")
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
class EpochCount:
    """Lets "5 epochs" or "1 epoch" stand for the number where a number of epochs is expected."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Mapping[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": f"^{_EPOCHS.pattern}$", "allowed": "'N epochs'"}]}

    def _read(self, value: Any) -> Any:
        match = _EPOCHS.fullmatch(value) if isinstance(value, str) else None
        return int(match[1]) if match else value


@dataclass(frozen=True)
class Span:
    """The updates for which a schedule gives values.

    Attributes:
        steps: Updates of the span, >= 1.
        steps_per_epoch: Updates per epoch; not an integer if gradients are accumulated over a number of batches that does not divide an epoch.
        history: One row of `history.csv` for each completed epoch of the stage, for schedules that depend on results.
    """

    steps: int
    steps_per_epoch: float
    history: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of_stage(cls, epochs: int, batches_per_epoch: int, accumulate: int, history: Sequence[Mapping[str, Any]] = ()) -> "Span":
        """Return the updates of a stage, at least one.

        Args:
            epochs: Epochs of the stage.
            batches_per_epoch: Batches of each epoch.
            accumulate: Batches per update.
            history: The stage's completed epochs.
        """
        span = cls(1, batches_per_epoch / accumulate, history)
        return replace(span, steps=max(1, span.updates_after(epochs)))

    def updates_after(self, epochs: int) -> int:
        """Return how many updates are complete after `epochs` epochs; it is also the number, from 0, of the update that is next.

        An update is complete once the gradients of all its batches are accumulated, possibly in the epoch after that in which it began.
        """
        # The product is a fraction with a denominator of at most 10,000 (`accumulate`): if it is an integer, rounding must not take it below.
        return math.floor(epochs * self.steps_per_epoch * (1 + 1e-12))

    def length(self, duration: float | str) -> float:
        """Return a duration in updates; a fraction of the span, or a number of epochs, need not be an integer number of updates."""
        if not isinstance(duration, str):
            return duration * self.steps
        number, unit = duration.split()
        return int(number) * (self.steps_per_epoch if unit.startswith("epoch") else 1)

    def count(self, duration: float | str) -> int:
        """Return a duration in updates, rounded to the nearest integer."""
        return round(self.length(duration))

    def shortened(self, steps: int) -> "Span":
        """Return the span without its first `steps` updates, and without the epochs that lie entirely in them."""
        return replace(self, steps=self.steps - steps, history=self.history[round(steps / self.steps_per_epoch) :])
