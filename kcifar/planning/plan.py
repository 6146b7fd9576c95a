"""Recipe + registries -> what will run, every argument checked; no backend is imported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from inspect import signature
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.operation import Step, is_mixing
from kcifar.core.checks import Path, Strict, checked, checked_arguments
from kcifar.core.errors import UserError
from kcifar.core.registry import Registry
from kcifar.datasets import DATASETS
from kcifar.losses import LOSSES
from kcifar.models import MODELS
from kcifar.optimizers import OPTIMIZERS
from kcifar.recipe.load import Recipe
from kcifar.recipe.span import Span
from kcifar.recipe.stage_settings import Part, SchedulePart, Stage
from kcifar.schedules import SCHEDULES


@dataclass(frozen=True)
class PartPlan:
    """A registered part with its checked arguments."""

    name: str
    factory: Any
    arguments: Mapping[str, Any]

    def make(self, *positional: Any) -> Any:
        """Call the factory with what the caller supplies and the recipe's arguments; parts inside the part are made first."""
        return self.factory(*positional, **{key: _made(value) for key, value in self.arguments.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the part as a recipe writes it, every default written out."""
        return {"name": self.name, **{key: _plain(value) for key, value in self.arguments.items()}}


def _made(value: Any) -> Any:
    return tuple(map(_made, value)) if isinstance(value, tuple) else value.make() if isinstance(value, PartPlan) else value


def _plain(value: Any) -> Any:
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value.to_dict() if isinstance(value, PartPlan) else value


@dataclass(frozen=True)
class SchedulePlan:
    """A value for each update of a stage: a registered schedule, perhaps with a warm-up in front.

    Attributes:
        part: The schedule.
        warm_up: How long the value first rises, linearly, to the schedule's first one; None for no warm-up.
        warm_up_from: Where the rise begins, as a share of the schedule's first value.
        place: Where the recipe says so, for messages.
    """

    part: PartPlan
    warm_up: float | str | None
    warm_up_from: float
    place: str

    def table(self, span: Span) -> np.ndarray:
        """Return the value at each update of the span, float64 (span.steps,).

        Raises:
            UserError: A warm-up that leaves nothing of the span, durations that do not fit it, or values that no rate can have.
        """
        rise = 0 if self.warm_up is None else span.count(self.warm_up)
        if rise >= span.steps:
            raise UserError(f"{self.place}.warm_up: expected less than the stage's {span.steps:,} steps, got {self.warm_up!r} ({rise:,} steps)")
        values = self._scheduled(span.shortened(rise) if rise else span)
        shares = self.warm_up_from + (1 - self.warm_up_from) * np.arange(rise) / max(1, rise)
        return np.concatenate([values[0] * shares, values])

    def _scheduled(self, span: Span) -> np.ndarray:
        """Return the schedule's own values, float64 (span.steps,), whoever wrote it."""
        try:
            values = np.asarray(self.part.make(span), np.float64)
        except UserError as error:
            raise UserError(f"{self.place}: {error}") from None
        if values.shape != (span.steps,):
            raise UserError(f"{self.place}: expected a value for each of {span.steps:,} steps from {self.part.name!r}, got shape {values.shape}")
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if wrong.size:
            raise UserError(f"{self.place}: expected finite values >= 0, got {values[wrong[0]]:g} at step {wrong[0] + 1:,} of {self.part.name!r}")
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as a recipe writes it."""
        return self.part.to_dict() | {"warm_up": self.warm_up, "warm_up_from": self.warm_up_from}


@dataclass(frozen=True)
class StagePlan:
    """One stage, ready to run.

    Attributes:
        index: From 0.
        settings: What the recipe says.
        schedules: `learning_rate` always; further values that change from update to update by the name of their key.
        optimizer: The optimizer.
        loss: The training loss.
        augmentation: The steps of the augmentation, in order.
    """

    index: int
    settings: Stage
    schedules: Mapping[str, SchedulePlan]
    optimizer: PartPlan
    loss: PartPlan
    augmentation: tuple[PartPlan, ...]

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.settings.name

    @property
    def epochs(self) -> int:
        """How many epochs the stage lasts, unless it is stopped early."""
        return self.settings.epochs

    @cached_property
    def operations(self) -> tuple[Step, ...]:
        """The augmentation's steps, in order."""
        return tuple(part.make() for part in self.augmentation)

    def batches_per_epoch(self, num_images: int) -> int:
        """Return the number of batches in an epoch over `num_images` training images, at least 1."""
        full, rest = divmod(num_images, self.settings.batch_size)
        return max(1, full + (1 if rest and self.settings.last_batch == "keep" else 0))

    def span(self, num_images: int, history: Sequence[Mapping[str, Any]] = ()) -> Span:
        """Return the stage's updates: batches, or as many of them as gradients are accumulated over.

        Args:
            num_images: Training images of an epoch.
            history: The stage's completed epochs.
        """
        batches, accumulate = self.batches_per_epoch(num_images), self.settings.accumulate
        return Span(max(1, self.epochs * batches // accumulate), batches / accumulate, history)

    def values(self, num_images: int, history: Sequence[Mapping[str, Any]] = ()) -> dict[str, np.ndarray]:
        """Return what every schedule gives, each float64 (updates,); arguments as for `span`."""
        span = self.span(num_images, history)
        return {name: schedule.table(span) for name, schedule in self.schedules.items()}

    def learning_rates(self, num_images: int, history: Sequence[Mapping[str, Any]] = ()) -> np.ndarray:
        """Return the learning rate of every update of the stage, float64 (updates,)."""
        return self.schedules["learning_rate"].table(self.span(num_images, history))

    def to_dict(self) -> dict[str, Any]:
        """Return the stage as a recipe writes it, every default written out."""
        plain = self.settings.model_dump(mode="json")
        parts = {"optimizer": self.optimizer.to_dict(), "loss": self.loss.to_dict(), "augmentation": [part.to_dict() for part in self.augmentation]}
        for path, schedule in self.schedules.items():
            *outer, key = schedule_keys(path)
            reduce(lambda inner, name: inner[name], outer, plain)[key] = schedule.to_dict()
        return {"name": plain.pop("name"), **plain, **parts}


def schedule_keys(name: str) -> tuple[Any, ...]:
    """Return where a stage writes a schedule: "rate_multipliers.0.value" is ("rate_multipliers", 0, "value")."""
    return tuple(int(key) if key.isdecimal() else key for key in name.split("."))


@dataclass(frozen=True)
class Plan:
    """A whole run, ready to be built."""

    recipe: Recipe
    dataset: PartPlan
    model: PartPlan
    stages: tuple[StagePlan, ...]

    @property
    def total_epochs(self) -> int:
        """The epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    def place(self, stage: StagePlan, key: str, *keys: str | int) -> str:
        """Return where a stage's value is written, for a message: "stages/mine.yaml:14: stages[1].l2.layers"."""
        return self.recipe.origin.place((*self.recipe.stage_path(stage.index, key), *keys))

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as plain containers: it makes the same plan again."""
        document = self.recipe.to_dict()
        dataset = self.recipe.document.dataset
        own = {"validation": dataset.validation, "imbalance": dataset.imbalance}
        parts = {"dataset": self.dataset.to_dict() | own, "model": self.model.to_dict()}
        return document | parts | {"stages": [stage.to_dict() for stage in self.stages]}


def make_plan(recipe: Recipe) -> Plan:
    """Look every part of a recipe up and check its arguments.

    Raises:
        UserError: A name that nothing is registered under, or an argument that its part refuses.
    """
    document = recipe.document
    dataset = _plan_part(DATASETS, document.dataset, ("dataset",), recipe, supplied=("source",))
    model = _plan_part(MODELS, document.model, ("model",), recipe, supplied=("image_shape", "num_classes"))
    stages = tuple(_plan_stage(recipe, index, stage) for index, stage in enumerate(recipe.stages))
    _check_kept_state(recipe, stages)
    _check_monitors(recipe, stages)
    _check_momentum(recipe, stages)
    _check_decay(recipe, stages)
    return Plan(recipe, dataset, model, stages)


def _plan_stage(recipe: Recipe, index: int, stage: Stage) -> StagePlan:
    augmentation_path = recipe.stage_path(index, "augmentation")
    augmentation = tuple(_plan_step(part, (*augmentation_path, k), recipe) for k, part in enumerate(stage.augmentation))
    plan = StagePlan(
        index,
        stage,
        dict(_plan_schedules(recipe, index, stage)),
        _plan_part(OPTIMIZERS, stage.optimizer, recipe.stage_path(index, "optimizer"), recipe, supplied=("learning_rate",)),
        _plan_part(LOSSES, stage.loss, recipe.stage_path(index, "loss"), recipe, supplied=("targets", "logits")),
        augmentation,
    )
    _check_mixing(plan, recipe.origin.place(augmentation_path))
    return plan


def _plan_schedules(recipe: Recipe, index: int, stage: Stage) -> Iterator[tuple[str, SchedulePlan]]:
    """Yield each value of a stage that may change from update to update, by its key."""
    parts: dict[str, SchedulePart | None] = {
        "learning_rate": stage.learning_rate,
        "momentum": stage.momentum,
        "weight_decay.value": stage.weight_decay.value if stage.weight_decay else None,
        "lookahead.keep": stage.lookahead.keep if stage.lookahead else None,
    }
    parts |= {f"rate_multipliers.{k}.value": multiplier.value for k, multiplier in enumerate(stage.rate_multipliers)}
    for name, part in parts.items():
        if part is not None:
            first, *rest = schedule_keys(name)
            path = (*recipe.stage_path(index, first), *rest)
            planned = _plan_part(SCHEDULES, part, path, recipe, supplied=("span",))
            yield name, SchedulePlan(planned, part.warm_up, part.warm_up_from, recipe.origin.place(path))


def _plan_step(part: Part, path: Path, recipe: Recipe) -> PartPlan:
    """Plan a step of an augmentation; one that takes `operations` is planned with those inside it."""
    place = recipe.origin.place(path)
    factory = AUGMENTATIONS.get(part.name, f"{place}.name")
    steps: dict[str, Any] = {}
    if "operations" in signature(factory).parameters:
        inner = checked(_Inner, {"operations": part.arguments.get("operations")}, path, recipe.origin.locate).operations
        steps = {"operations": tuple(_plan_step(step, (*path, "operations", k), recipe) for k, step in enumerate(inner))}
    others = {key: value for key, value in part.arguments.items() if key not in steps}
    planned = PartPlan(part.name, factory, steps | checked_arguments(factory, others, path, recipe.origin.locate, tuple(steps)))
    try:
        planned.make()  # arguments that do not fit each other
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    return planned


class _Inner(Strict):
    operations: Annotated[list[Part], Field(min_length=1)]


def _check_mixing(plan: StagePlan, place: str) -> None:
    """Refuse a second step that mixes: it would need a partner of the partner."""
    mixing = [part.name for part, step in zip(plan.augmentation, plan.operations, strict=True) if is_mixing(step)]
    if len(mixing) > 1:
        raise UserError(f"{place}: expected at most one step that mixes images (one_of chooses between several), got {', '.join(mixing)}")


def _check_monitors(recipe: Recipe, stages: Sequence[StagePlan]) -> None:
    """Refuse to watch a validation column that no epoch will have."""
    if recipe.document.dataset.validation:
        return
    for stage in stages:
        plateau = stage.schedules["learning_rate"].part.arguments.get("monitor", "")
        for key, monitor in (("early_stopping", getattr(stage.settings.early_stopping, "monitor", "")), ("learning_rate", plateau)):
            if monitor.startswith("val_"):
                place = recipe.origin.place((*recipe.stage_path(stage.index, key), "monitor"))
                raise UserError(f"{place}: {monitor!r} needs a validation part, got dataset.validation: 0")


def _check_momentum(recipe: Recipe, stages: Sequence[StagePlan]) -> None:
    """Refuse to schedule the momentum of an optimizer that has none."""
    for stage in stages:
        if "momentum" in stage.schedules and not {"momentum", "beta_1"} & stage.optimizer.arguments.keys():
            place = recipe.origin.place(recipe.stage_path(stage.index, "momentum"))
            raise UserError(f"{place}: expected an optimizer with momentum or beta_1, got {stage.optimizer.name!r}")


def _check_kept_state(recipe: Recipe, stages: Sequence[StagePlan]) -> None:
    """Refuse to keep the state of one optimizer for another: their numbers mean different things."""
    for before, stage in pairwise(stages):
        if stage.settings.optimizer_state == "keep" and stage.optimizer.name != before.optimizer.name:
            place = recipe.origin.place(recipe.stage_path(stage.index, "optimizer_state"))
            raise UserError(f"{place}: 'keep' needs the optimizer of the stage before, {before.optimizer.name!r}, got {stage.optimizer.name!r}")


def _check_decay(recipe: Recipe, stages: Sequence[StagePlan]) -> None:
    """Refuse AdamW without a decay: it would be Adam."""
    for stage in stages:
        if stage.optimizer.name == "adamw" and stage.settings.weight_decay is None:
            place = recipe.origin.place(recipe.stage_path(stage.index, "optimizer"))
            raise UserError(f"{place}: 'adamw' needs the stage's weight_decay, such as weight_decay: 0.05 (without decay: 'adam'), got none")


def _plan_part(registry: Registry, part: Part, path: Path, recipe: Recipe, supplied: tuple[str, ...] = ()) -> PartPlan:
    factory = registry.get(part.name, recipe.origin.place((*path, "name")))
    return PartPlan(part.name, factory, checked_arguments(factory, part.arguments, path, recipe.origin.locate, supplied))
