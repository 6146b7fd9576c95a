"""One stage of a recipe, ready to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from kcifar.augment.operation import Step
from kcifar.core.checks import Path
from kcifar.core.errors import find_nearest
from kcifar.core.mistakes import Mistakes
from kcifar.losses import LOSSES
from kcifar.optimizers import OPTIMIZERS
from kcifar.planning.augmentation_plan import plan_augmentation
from kcifar.planning.part_plan import PartPlan, plan_part
from kcifar.planning.schedule_plan import SchedulePlan, plan_schedules, split_schedule_name
from kcifar.recipe.load import Recipe
from kcifar.recipe.span import Span
from kcifar.recipe.stage_settings import Stage


@dataclass(frozen=True)
class StagePlan:
    """One stage, ready to run.

    Attributes:
        index: From 0.
        settings: The stage's keys, as the recipe writes them.
        schedules: By the name of their key: `learning_rate` always, and every other value that changes from update to update.
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
        """Epochs of the stage, unless it stops early."""
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
        """Return the stage's updates.

        Args:
            num_images: Training images per epoch.
            history: The stage's completed epochs.
        """
        return Span.of_stage(self.epochs, self.batches_per_epoch(num_images), self.settings.accumulate, history)

    def values(self, num_images: int, history: Sequence[Mapping[str, Any]] = ()) -> dict[str, np.ndarray]:
        """Return the values of every schedule, each float64 (updates,); arguments as for `span`."""
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
            *outer, key = split_schedule_name(path)
            reduce(lambda inner, name: inner[name], outer, plain)[key] = schedule.to_dict()
        return {"name": plain.pop("name"), **plain, **parts}


def plan_stage(recipe: Recipe, index: int, mistakes: Mistakes) -> StagePlan | None:
    """Look up the parts of a stage and check their arguments.

    Args:
        recipe: The recipe.
        index: Index of the stage, from 0.
        mistakes: Collects those of the parts.
    Returns:
        None if the stage has a mistake, in its structure or in a part.
    """
    stage = recipe.stages[index]
    schedules = dict(plan_schedules(recipe, index, mistakes))
    optimizer = plan_part(OPTIMIZERS, stage.optimizer, recipe.stage_path(index, "optimizer"), recipe, mistakes)
    loss = plan_part(LOSSES, stage.loss, recipe.stage_path(index, "loss"), recipe, mistakes)
    augmentation = plan_augmentation(recipe, index, mistakes)
    if any(_concerns(mistake.path, recipe, index) for mistake in mistakes) or optimizer is None or loss is None:
        return None
    return StagePlan(index, stage, schedules, optimizer, loss, augmentation)


def _concerns(path: Path, recipe: Recipe, index: int) -> bool:
    """Whether a mistake is in a stage, or in a default that the stage takes."""
    if path[:1] != ("defaults",) or len(path) == 1:
        return path[:2] == ("stages", index) or path == ("defaults",)
    key = str(path[1])
    meant = key if key in Stage.model_fields else find_nearest(key, Stage.model_fields) or key
    return recipe.stage_path(index, meant)[0] == "defaults"
