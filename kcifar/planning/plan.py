"""Recipe + registries -> what will run, every argument checked; no backend is imported."""

from dataclasses import dataclass
from typing import Any

from kcifar.datasets import DATASETS
from kcifar.models import MODELS
from kcifar.planning.consistency import check_consistency
from kcifar.planning.part_plan import PartPlan, plan_part
from kcifar.planning.stage_plan import StagePlan, plan_stage
from kcifar.recipe.load import Recipe


@dataclass(frozen=True)
class Plan:
    """A complete run, ready to be built."""

    recipe: Recipe
    dataset: PartPlan
    model: PartPlan
    stages: tuple[StagePlan, ...]

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    def place(self, stage: StagePlan, key: str, *keys: str | int) -> str:
        """Return where a stage's value is written, for a message: "stages/mine.yaml:14: stages[1].l2.layers"."""
        return self.recipe.origin.place((*self.recipe.stage_path(stage.index, key), *keys))

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved recipe as plain containers: it makes the same plan again."""
        document = self.recipe.to_dict()
        dataset = self.recipe.document.dataset
        common = {"validation": dataset.validation, "imbalance": dataset.imbalance}
        parts = {"dataset": self.dataset.to_dict() | common, "model": self.model.to_dict()}
        return document | parts | {"stages": [stage.to_dict() for stage in self.stages]}


def make_plan(recipe: Recipe) -> Plan:
    """Look up every part of a recipe and check its arguments.

    Raises:
        UserError: No part is registered under a name, a part refuses an argument, or two keys do not fit each other.
    """
    document = recipe.document
    dataset = plan_part(DATASETS, document.dataset, ("dataset",), recipe)
    model = plan_part(MODELS, document.model, ("model",), recipe)
    stages = tuple(plan_stage(recipe, index) for index in range(len(recipe.stages)))
    check_consistency(recipe, stages)
    return Plan(recipe, dataset, model, stages)
