"""The keys of a stage and of the mappings inside it: types, ranges, defaults, and a description and examples for the user.

This module knows the keys that every recipe shares. The arguments of parts (`optimizer:`, `loss:`, …) are checked against the parts
themselves by `kcifar.planning`. Nothing here imports a backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Interval
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from kcifar.core.checks import Strict
from kcifar.recipe.numbers import ConstantForm, Fraction, NonnegativeNumber, Positive, PositiveNumber, is_number
from kcifar.recipe.span import Duration, EpochCount

Pattern = Annotated[str, Field(json_schema_extra={"allowed": "a pattern such as '*_conv*'"})]
Monitor = Literal["val_accuracy", "val_loss", "val_cross_entropy"]
MAX_EPOCHS = 10_000


def _check_max_epochs(epochs: int) -> int:
    """Refuse a typing error that would ask for a table of rates larger than the memory."""
    if epochs > MAX_EPOCHS:
        raise ValueError(f"expected at most {MAX_EPOCHS:,} epochs, got {epochs}")
    return epochs


Epochs = Annotated[int, Field(gt=0), AfterValidator(_check_max_epochs)]


def _write_numbers_as_texts(value: Any) -> Any:
    """Take the numbers of classes from Python, as Keras' {0: 1.0, 1: 2.0}; in YAML every key is a text."""
    is_number = isinstance(value, dict) and all(isinstance(key, str | int) and not isinstance(key, bool) for key in value)
    return {str(key): weight for key, weight in value.items()} if is_number else value


WeightsByClass = Annotated[dict[str, PositiveNumber], Field(min_length=1), BeforeValidator(_write_numbers_as_texts)]


def _refuse_truth_value(value: Any) -> Any:
    """Refuse `true`, which Python takes for the 1 of a list of choices."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got {value}")  # pydantic takes a ValueError's words
    return value


@dataclass(frozen=True)
class ShortForm:
    """Lets a plain number or text stand for a mapping that has it under `key`; the JSON schema says so under "short_form"."""

    key: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._expand, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Mapping[str, Any]:
        return {**handler(schema), "short_form": self.key}

    def _expand(self, value: Any) -> Any:
        return {self.key: value} if is_number(value) or isinstance(value, str) else value


# The docstrings of the parts below are what a message says when something else was received. A field's `description` is what
# `python -m kcifar.recipes keys`, docs/recipe.md and editors show; its `examples` are values of the key.


class Part(Strict):
    """a mapping with a name and the part's arguments, such as {name: adam}"""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: str = Field(description="Name of the part.")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys other than `name`."""
        return dict(self.model_extra or {})


class ModelPart(Part):
    """a mapping with a name and the network's arguments, such as {name: resnet18}"""


class OptimizerPart(Part):
    """a mapping with a name and the optimizer's arguments, such as {name: sgd, momentum: 0.9}"""


class LossPart(Part):
    """a mapping with a name and the loss's arguments, such as {name: categorical_crossentropy, label_smoothing: 0.1}"""


class AugmentationPart(Part):
    """a mapping with a name and the step's arguments, such as {name: random_crop, padding: 4}"""


class SchedulePart(Part):
    """a schedule, such as {name: cosine, value: 0.1, warm_up: 5 epochs}"""

    # What the values of a schedule may be, and a plain number or constant: one at which nothing would be trained is left out.
    VALUES: ClassVar[Interval]
    CONSTANT: ClassVar[Interval]

    warm_up: Duration | None = Field(
        default=None,
        description="Duration of a linear rise to the schedule's first value, before the schedule starts.",
        examples=["5 epochs", "200 steps", 0.1],
    )
    warm_up_from: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="Where the warm-up starts, as a fraction of the schedule's first value.", examples=[0.1]
    )


class RatePart(SchedulePart):
    """a number > 0 or a schedule, such as {name: constant, value: 0.001}"""

    VALUES, CONSTANT = Interval(ge=0), Interval(gt=0)


class ValuePart(SchedulePart):
    """a number >= 0 or a schedule, such as {name: constant, value: 0.05}"""

    VALUES = CONSTANT = Interval(ge=0)


class MomentumPart(SchedulePart):
    """a number >= 0 and < 1 or a schedule, such as {name: constant, value: 0.9}"""

    VALUES = CONSTANT = Interval(ge=0, lt=1)


class KeepPart(SchedulePart):
    """a number >= 0 and < 1 or a schedule, such as {name: constant, value: 0.5}"""

    VALUES, CONSTANT = Interval(ge=0, le=1), Interval(ge=0, lt=1)


SCHEDULE_PARTS = (RatePart, ValuePart, MomentumPart, KeepPart)
Rate = Annotated[RatePart, ConstantForm(RatePart.CONSTANT)]
Value = Annotated[ValuePart, ConstantForm(ValuePart.CONSTANT)]
Momentum = Annotated[MomentumPart, ConstantForm(MomentumPart.CONSTANT)]
Keep = Annotated[KeepPart, ConstantForm(KeepPart.CONSTANT)]


class Penalty(Strict):
    """a mapping {value: strength, layers: pattern}"""

    value: NonnegativeNumber = Field(description="Strength of the penalty.", examples=[1e-4])
    layers: Pattern = Field(default="*", description="Pattern for the names of the penalized layers.", examples=["*_conv*"])


class WeightDecay(Strict):
    """a number >= 0, or a mapping {value: number or schedule, layers: pattern, weights: kernels or all}"""

    value: Value = Field(description="Strength of the decay.", examples=[0.05, {"name": "cosine", "value": 0.05}])
    layers: Pattern = Field(default="*", description="Pattern for the names of the layers whose weights decay.", examples=["*_conv*"])
    weights: Literal["kernels", "all"] = Field(
        default="kernels", description="`kernels`: kernels only; `all`: also biases, normalization weights and position embeddings."
    )


class Average(Strict):
    """a fraction in [0, 1), or a mapping {decay: fraction, warm_up: true or false}"""

    decay: Fraction = Field(description="Fraction of the average that is kept at each update.", examples=[0.999])
    warm_up: bool = Field(
        default=True, description="Limits the decay after n updates to (1 + n) / (10 + n), so that early weights are soon forgotten."
    )


class Lookahead(Strict):
    """a mapping {every: updates, keep: number or schedule}"""

    every: Positive = Field(default=5, description="Updates between two steps of the slow weights.")
    keep: Keep = Field(
        default=KeepPart.model_validate({"name": "constant", "value": 0.5}),
        description="Fraction of the slow weights that is kept at each step.",
        examples=[0.5, {"name": "polynomial", "start": 0.0, "end": 0.77, "power": 3}],
    )


class Sharpness(Strict):
    """a number > 0, or a mapping {radius: number}"""

    radius: PositiveNumber = Field(default=0.05, description="Distance to the nearby weights at which the gradient is taken (L2 norm).")


class RateMultiplier(Strict):
    """a mapping {variables: pattern, value: number or schedule}"""

    variables: Pattern = Field(description="Pattern for variable names, written `layer/variable`.", examples=["*_norm*/beta"])
    value: Value = Field(
        description="Factor of the learning rate, and so of the weight decay; at 0 the variables stop at once, "
        "and continue from the optimizer's current state when it is positive again.",
        examples=[64, {"name": "piecewise", "values": [1, 0], "boundaries": ["3 epochs"]}],
    )


class EarlyStopping(Strict):
    """a number of epochs, or a mapping {patience: epochs, monitor: column, min_delta: number, restore_best: true or false}"""

    patience: Annotated[Positive, EpochCount()] = Field(description="Epochs in a row without improvement after which the stage ends.", examples=[5])
    monitor: Monitor = Field(default="val_accuracy", description="Column of `history.csv` that should improve.")
    min_delta: NonnegativeNumber = Field(
        default=0.0, description="An epoch must beat the best one by more than this, in the unit of the column.", examples=[0.001]
    )
    restore_best: bool = Field(default=False, description="Continue with the weights of the stage's best epoch instead of its last one.")


class InitFrom(Strict):
    """a run folder, or a mapping {run: folder, weights: last or best, layers: pattern}"""

    run: Annotated[str, Field(json_schema_extra={"allowed": "a run folder"})] = Field(
        description="Run folder; a relative path starts at the working directory.", examples=["runs/three_stage-seed0"]
    )
    weights: Literal["last", "best"] = Field(default="last", description="The run's last weights, or those of its best epoch.")
    layers: Pattern = Field(
        default="*",
        description="Pattern for the names of the layers that are initialized; `*`: all that fit, any other: all that it matches must fit.",
        examples=["block1_*"],
    )


class StageSettings(Strict):
    """The keys of `defaults:`. A stage starts from them, and a value in the stage replaces the default completely."""

    epochs: Epochs | None = Field(default=None, description="How many epochs the stage lasts.", examples=[20])
    learning_rate: Rate | None = Field(
        default=None,
        description="The learning rate; a schedule may begin with a warm-up.",
        examples=[1e-3, {"name": "cosine", "value": 0.1, "warm_up": "1 epoch"}],
    )
    batch_size: Positive = Field(default=64, description="Images per batch.", examples=[128])
    last_batch: Literal["keep", "drop"] = Field(default="keep", description="Whether a smaller last batch of an epoch is used or dropped.")
    optimizer: OptimizerPart = Field(
        default=OptimizerPart(name="adam"),
        description="The optimizer and its arguments.",
        examples=[{"name": "sgd", "momentum": 0.9, "nesterov": True}],
    )
    optimizer_state: Literal["reset", "keep"] = Field(
        default="reset", description="Whether the optimizer's state, such as its momentum, is reset at the start of the stage or kept."
    )
    momentum: Momentum | None = Field(
        default=None,
        description="Replaces the optimizer's own `momentum` or `beta_1`.",
        examples=[{"name": "triangular", "start": 0.95, "peak": 0.85, "end": 0.95, "peak_at": 0.3}],
    )
    weight_decay: Annotated[WeightDecay, ShortForm("value")] | None = Field(
        default=None,
        description="Each update shrinks the weights by learning rate x decay, separately from the gradient, under every optimizer.",
        examples=[0.05, {"value": 0.05, "weights": "all"}],
    )
    l1: Penalty | None = Field(
        default=None, description="Adds value x the sum of absolute kernel values of the chosen layers to the loss.", examples=[{"value": 1e-5}]
    )
    l2: Penalty | None = Field(
        default=None,
        description="Adds value x the sum of squared kernel values of the chosen layers to the loss.",
        examples=[{"value": 1e-4, "layers": "*_conv*"}],
    )
    clip_norm: PositiveNumber | None = Field(
        default=None, description="Largest norm of all gradients together; larger gradients are scaled down.", examples=[1.0]
    )
    clip_value: PositiveNumber | None = Field(
        default=None, description="Largest absolute value of a gradient's entries; larger ones are clipped.", examples=[0.5]
    )
    accumulate: Annotated[int, Field(gt=0, le=10_000)] = Field(
        default=1,
        description="Batches whose gradients are averaged into one update, across epochs; those left at the end of the stage make none. "
        "Schedules, averages and weight decay count updates.",
        examples=[4],
    )
    sam: Annotated[Sharpness, ShortForm("radius")] | None = Field(
        default=None,
        description="Sharpness-aware minimization: two passes per update, the second at nearby weights with a higher loss.",
        examples=[0.05],
    )
    lookahead: Lookahead | None = Field(
        default=None,
        description="Slow weights that follow the trained ones; at each of their steps, training continues from the slow weights.",
        examples=[{"every": 5, "keep": 0.5}],
    )
    ema: Annotated[Average, ShortForm("decay")] | None = Field(
        default=None,
        description="Exponential moving average of weights and batch normalization statistics. It is validated, saved and passed to the next stage.",
        examples=[0.999, {"decay": 0.98, "warm_up": False}],
    )
    freeze: list[Pattern] = Field(
        default_factory=list,
        description="Patterns for the names of layers that do not change in this stage; their batch normalization uses its averages.",
        examples=[["stem_*"]],
    )
    rate_multipliers: list[RateMultiplier] = Field(
        default_factory=list,
        description="Factors of the learning rate for variables that are chosen by name.",
        examples=[[{"variables": "*_norm*", "value": 64}]],
    )
    loss: LossPart = Field(
        default=LossPart(name="categorical_crossentropy"),
        description="The training loss and its arguments.",
        examples=[{"name": "categorical_crossentropy", "label_smoothing": 0.2}],
    )
    class_weight: Literal["balanced"] | list[PositiveNumber] | WeightsByClass | None = Field(
        default=None,
        description="Weight of each class in the loss: `balanced` evens out the class sizes; or a list, one weight per class; or a mapping from "
        "names or numbers of classes to weights, where the others have weight 1.",
        examples=["balanced", {"cat": 2.0, "dog": 1.5}],
        json_schema_extra={"allowed": "'balanced', a list of numbers > 0, one per class, or a mapping {class: number}"},
    )
    sampling: Literal["all", "balanced"] = Field(
        default="all", description="`all`: each image once per epoch; `balanced`: each class equally often, as an image and as a partner to mix with."
    )
    augmentation: list[AugmentationPart] = Field(
        default_factory=list,
        description="Random changes of the training images, in this order; at most one of them may mix images.",
        examples=[[{"name": "random_crop", "padding": 4}, {"name": "horizontal_flip"}]],
    )
    image_size: Annotated[int, Field(gt=0, le=1024)] | None = Field(
        default=None,
        description="Height and width in pixels to which images are resized in this stage; otherwise the data set's size. "
        "Weights carry over between sizes, and the saved model takes the data set's size.",
        examples=[24],
    )
    dropout_rate: Fraction | None = Field(default=None, description="Replaces the network's own `dropout_rate` in this stage.", examples=[0.3])
    drop_path_rate: Fraction | None = Field(default=None, description="Replaces the network's own `drop_path_rate` in this stage.", examples=[0.1])
    early_stopping: Annotated[EarlyStopping, ShortForm("patience")] | None = Field(
        default=None,
        description="Ends the stage early when a column of the history stops improving.",
        examples=[5, {"patience": 5, "monitor": "val_loss", "restore_best": True}],
    )
    init_from: Annotated[InitFrom, ShortForm("run")] | None = Field(
        default=None,
        description="Run whose weights the stage starts with, in all layers that fit: the last one does not if the run had other classes.",
        examples=["runs/three_stage-seed0", {"run": "runs/three_stage-seed0", "weights": "best"}],
    )
    views: Annotated[Literal[1, 2, 6], BeforeValidator(_refuse_truth_value)] = Field(
        default=1,
        description="Views of each test image, reported alongside the single view: 2 adds the mirror image, 6 also those of the image "
        "moved by one pixel to two corners. The last stage's value counts.",
        examples=[6],
    )


class Stage(StageSettings):
    """One training phase."""

    name: Annotated[
        str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}$", json_schema_extra={"allowed": "a name of 1 to 100 printable characters"})
    ] = Field(description="Name of the stage; each stage has its own.", examples=["learn"])
    epochs: Epochs = Field(description="How many epochs the stage lasts; may come from `defaults`.", examples=[20])
    learning_rate: Rate = Field(
        description="The learning rate, in the stage or in `defaults`; a schedule may begin with a warm-up.",
        examples=[1e-3, {"name": "cosine", "value": 0.1, "warm_up": "1 epoch"}],
    )
