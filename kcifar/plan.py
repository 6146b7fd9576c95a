"""Recipe + registries -> what will run, every argument checked; no backend is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.operation import Operation
from kcifar.checks import Path, checked_arguments
from kcifar.datasets import DATASETS
from kcifar.errors import UserError
from kcifar.models import MODELS
from kcifar.optimizers import OPTIMIZERS
from kcifar.recipe import Loss, Part, Penalty, Recipe, Stage
from kcifar.registry import Registry
from kcifar.schedules import SCHEDULES


@dataclass(frozen=True)
class PartPlan:
    """A registered part with its checked arguments."""

    name: str
    factory: Any
    arguments: Mapping[str, Any]

    def make(self, *positional: Any) -> Any:
        """Call the factory with what the caller supplies and the recipe's arguments."""
        return self.factory(*positional, **self.arguments)

    def to_dict(self) -> dict[str, Any]:
        """Return the part as a recipe writes it, every default written out."""
        return {"name": self.name, **{key: list(value) if isinstance(value, tuple) else value for key, value in self.arguments.items()}}


@dataclass(frozen=True)
class StagePlan:
    """One stage, ready to run."""

    index: int
    settings: Stage
    schedule: PartPlan
    optimizer: PartPlan
    augmentation: tuple[PartPlan, ...]

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.settings.name

    @property
    def epochs(self) -> int:
        """How many epochs the stage lasts."""
        return self.settings.epochs

    @property
    def loss(self) -> Loss:
        """The training loss."""
        return self.settings.loss

    @property
    def l2(self) -> Penalty | None:
        """The L2 penalty, if any."""
        return self.settings.l2

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The augmentation's operations, in order."""
        return tuple(part.make() for part in self.augmentation)

    def steps_per_epoch(self, num_images: int) -> int:
        """Return the number of updates in an epoch over `num_images` training images, at least 1."""
        full, rest = divmod(num_images, self.settings.batch_size)
        return max(1, full + (1 if rest and self.settings.last_batch == "keep" else 0))

    def learning_rates(self, num_images: int) -> np.ndarray:
        """Return the learning rate of every update of the stage, float64 (epochs * steps_per_epoch,)."""
        rates: np.ndarray = self.schedule.make(self.epochs * self.steps_per_epoch(num_images))
        return rates

    def to_dict(self) -> dict[str, Any]:
        """Return the stage as a recipe writes it, every default written out."""
        plain = self.settings.model_dump(mode="json")
        parts = {
            "learning_rate": self.schedule.to_dict(),
            "optimizer": self.optimizer.to_dict(),
            "augmentation": [part.to_dict() for part in self.augmentation],
        }
        return {"name": plain.pop("name"), **plain, **parts}


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

    def place(self, stage: StagePlan, *keys: str) -> str:
        """Return where a stage's value is written, for a message: "stages/mine.yaml:14: stages[1].l2.layers"."""
        return self.recipe.origin.place((*self.recipe.stage_path(stage.index, keys[0]), *keys[1:]))

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as plain containers: it makes the same plan again."""
        document = self.recipe.to_dict()
        validation = {"validation": self.recipe.document.dataset.validation}
        parts = {"dataset": self.dataset.to_dict() | validation, "model": self.model.to_dict()}
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
    return Plan(recipe, dataset, model, stages)


def _plan_stage(recipe: Recipe, index: int, stage: Stage) -> StagePlan:
    augmentation_path = recipe.stage_path(index, "augmentation")
    return StagePlan(
        index,
        stage,
        _plan_part(SCHEDULES, stage.learning_rate, recipe.stage_path(index, "learning_rate"), recipe, supplied=("steps",)),
        _plan_part(OPTIMIZERS, stage.optimizer, recipe.stage_path(index, "optimizer"), recipe, supplied=("learning_rate",)),
        tuple(_plan_part(AUGMENTATIONS, part, (*augmentation_path, k), recipe) for k, part in enumerate(stage.augmentation)),
    )


def _check_kept_state(recipe: Recipe, stages: Sequence[StagePlan]) -> None:
    """Refuse to keep the state of one optimizer for another: their numbers mean different things."""
    for before, stage in pairwise(stages):
        if stage.settings.optimizer_state == "keep" and stage.optimizer.name != before.optimizer.name:
            place = recipe.origin.place(recipe.stage_path(stage.index, "optimizer_state"))
            raise UserError(f"{place}: 'keep' needs the optimizer of the stage before, {before.optimizer.name!r}, got {stage.optimizer.name!r}")


def _plan_part(registry: Registry, part: Part, path: Path, recipe: Recipe, supplied: tuple[str, ...] = ()) -> PartPlan:
    factory = registry.get(part.name, recipe.origin.place((*path, "name")))
    return PartPlan(part.name, factory, checked_arguments(factory, part.arguments, path, recipe.origin.locate, supplied))
