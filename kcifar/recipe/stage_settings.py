"""What a recipe says of its parts and stages: the keys, their types and ranges, and what each means when it is left out.

This module knows the keys that every recipe shares. The arguments of parts (`optimizer:`, `loss:`, …) are checked against the parts
themselves by `plan.py`. Nothing here imports a backend.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from kcifar.core.checks import Strict
from kcifar.recipe.span import Duration

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Monitor = Literal["val_accuracy", "val_loss", "val_cross_entropy"]
MAX_EPOCHS = 10_000


def _at_most_max_epochs(epochs: int) -> int:
    """Refuse a slip of the keyboard that would ask for a table of rates larger than the memory."""
    if epochs > MAX_EPOCHS:
        raise ValueError(f"expected at most {MAX_EPOCHS:,} epochs, got {epochs}")
    return epochs


Epochs = Annotated[int, Field(gt=0), AfterValidator(_at_most_max_epochs)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short_form(key: str, **constants: Any) -> BeforeValidator:
    """Let a plain number or text stand for a mapping that holds it under `key`."""

    def expand(value: Any) -> Any:
        return {**constants, key: value} if _is_number(value) or isinstance(value, str) else value

    return BeforeValidator(expand)


def _above_zero_is_constant(value: Any) -> Any:
    return {"name": "constant", "value": value} if _is_number(value) and value > 0 else value


def _not_negative_is_constant(value: Any) -> Any:
    return {"name": "constant", "value": value} if _is_number(value) and value >= 0 else value


# The docstrings of the parts below are what a message says when something else was received.


class Part(Strict):
    """a mapping with a name and the part's arguments, such as {name: adam}"""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys other than `name`."""
        return dict(self.model_extra or {})


class SchedulePart(Part):
    """a schedule, such as {name: cosine, value: 0.1, warm_up: 5 epochs}"""

    warm_up: Duration | None = None
    warm_up_from: Annotated[float, Field(ge=0, le=1)] = 0.0


class RatePart(SchedulePart):
    """a number > 0 or a schedule, such as {name: constant, value: 0.001}"""


class ValuePart(SchedulePart):
    """a number >= 0 or a schedule, such as {name: constant, value: 0.9}"""


Rate = Annotated[RatePart, BeforeValidator(_above_zero_is_constant)]
Value = Annotated[ValuePart, BeforeValidator(_not_negative_is_constant)]


class Penalty(Strict):
    """a mapping {value: strength, layers: pattern}"""

    value: Annotated[float, Field(ge=0)]
    layers: str = "*"


class WeightDecay(Strict):
    """a number >= 0, or a mapping {value: number or schedule, layers: pattern, weights: kernels or all}"""

    value: Value
    layers: str = "*"
    weights: Literal["kernels", "all"] = "kernels"


class Average(Strict):
    """a share in [0, 1), or a mapping {decay: share, warm_up: true or false}"""

    decay: Share
    warm_up: bool = True


class Lookahead(Strict):
    """a mapping {every: updates, keep: number or schedule}"""

    every: Positive = 5
    keep: Value = ValuePart.model_validate({"name": "constant", "value": 0.5})


class Sharpness(Strict):
    """a number > 0, or a mapping {radius: number}"""

    radius: Annotated[float, Field(gt=0)] = 0.05


class RateMultiplier(Strict):
    """a mapping {variables: pattern, value: number or schedule}"""

    variables: str
    value: Value


class EarlyStopping(Strict):
    """a number of epochs, or a mapping {patience: epochs, monitor: column, min_delta: number, restore_best: true or false}"""

    patience: Positive
    monitor: Monitor = "val_accuracy"
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    restore_best: bool = False


class InitFrom(Strict):
    """a run folder, or a mapping {run: folder, weights: last or best, layers: pattern}"""

    run: str
    weights: Literal["last", "best"] = "last"
    layers: str = "*"


class StageSettings(Strict):
    """What `defaults:` may hold: a stage starts from these, and a value in the stage replaces the default whole."""

    epochs: Epochs | None = None
    learning_rate: Rate | None = None
    batch_size: Positive = 64
    last_batch: Literal["keep", "drop"] = "keep"
    optimizer: Part = Part(name="adam")
    optimizer_state: Literal["reset", "keep"] = "reset"
    momentum: Value | None = None
    weight_decay: Annotated[WeightDecay, _short_form("value")] | None = None
    l1: Penalty | None = None
    l2: Penalty | None = None
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    clip_value: Annotated[float, Field(gt=0)] | None = None
    accumulate: Annotated[int, Field(gt=0, le=10_000)] = 1
    sam: Annotated[Sharpness, _short_form("radius")] | None = None
    lookahead: Lookahead | None = None
    ema: Annotated[Average, _short_form("decay")] | None = None
    freeze: list[str] = Field(default_factory=list)
    rate_multipliers: list[RateMultiplier] = Field(default_factory=list)
    loss: Part = Part(name="categorical_crossentropy")
    class_weight: Literal["balanced"] | list[Annotated[float, Field(gt=0)]] | None = None
    sampling: Literal["all", "balanced"] = "all"
    augmentation: list[Part] = Field(default_factory=list)
    image_size: Annotated[int, Field(gt=0, le=1024)] | None = None
    dropout_rate: Share | None = None
    drop_path_rate: Share | None = None
    early_stopping: Annotated[EarlyStopping, _short_form("patience")] | None = None
    init_from: Annotated[InitFrom, _short_form("run")] | None = None
    views: Literal[1, 2, 6] = 1


class Stage(StageSettings):
    """One training phase."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}$", description="a name of 1 to 100 printable characters")]
    epochs: Epochs
    learning_rate: Rate
