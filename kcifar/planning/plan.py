"""Recipe + registries -> what will run, every argument checked; no backend is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kcifar.core.mistakes import Mistakes
from kcifar.datasets import DATASETS
from kcifar.models import MODELS
from kcifar.planning.consistency import check_consistency
from kcifar.planning.part_plan import PartPlan, plan_part
from kcifar.planning.stage_plan import StagePlan, plan_stage
from kcifar.recipe.load import Recipe, read_recipe


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
        SeveralMistakes: No part is registered under a name, a part refuses an argument, or two keys do not fit each other; one line each.
    """
    return _plan(recipe, Mistakes())


def load_plan(source: str | Path | Mapping[str, Any], overrides: Sequence[str] | Mapping[str, Any] = ()) -> Plan:
    """Read a recipe, check all of it (structure, parts, keys that must fit each other) and plan it.

    Args:
        source: See `kcifar.recipe.load.read_recipe`.
        overrides: See there.
    Raises:
        UserError: A file that cannot be read.
        SeveralMistakes: One line for each mistake, in the order of the file: file, line, key, what is allowed, what was received.
    """
    mistakes = Mistakes()
    return _plan(read_recipe(source, overrides, mistakes), mistakes)


def _plan(recipe: Recipe, mistakes: Mistakes) -> Plan:
    """Plan a recipe, or raise its mistakes; stages without mistakes are compared with each other even if others have some."""
    document = recipe.document
    dataset = plan_part(DATASETS, document.dataset, ("dataset",), recipe, mistakes)
    model = plan_part(MODELS, document.model, ("model",), recipe, mistakes)
    stages = [plan_stage(recipe, index, mistakes) for index in range(len(recipe.stages))]
    right = tuple(stage for stage in stages if stage is not None)
    check_consistency(recipe, right, mistakes)
    mistakes.raise_any(recipe.origin.order)
    return Plan(recipe, cast(PartPlan, dataset), cast(PartPlan, model), right)  # without a mistake, none is None
