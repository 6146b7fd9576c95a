"""The steps of a stage's augmentation, each planned with the steps inside it."""

from inspect import signature
from typing import Annotated, Any

from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.core.checks import Path, Strict, checked, checked_arguments
from kcifar.core.errors import UserError
from kcifar.planning.part_plan import PartPlan
from kcifar.recipe.load import Recipe
from kcifar.recipe.stage_settings import Part


def plan_augmentation(recipe: Recipe, index: int) -> tuple[PartPlan, ...]:
    """Return the steps of a stage's augmentation, in order.

    Args:
        recipe: The recipe.
        index: Index of the stage, from 0.
    Raises:
        UserError: A step that does not exist, an argument that it refuses, or arguments that do not fit each other.
    """
    path = recipe.stage_path(index, "augmentation")
    return tuple(_plan_step(part, (*path, k), recipe) for k, part in enumerate(recipe.stages[index].augmentation))


def _plan_step(part: Part, path: Path, recipe: Recipe) -> PartPlan:
    """Plan one step; the steps in its `operations` are planned with it."""
    place = recipe.origin.place(path)
    factory = AUGMENTATIONS.get(part.name, f"{place}.name")
    steps: dict[str, Any] = {}
    if "operations" in signature(factory).parameters:
        inner = checked(_InnerSteps, {"operations": part.arguments.get("operations")}, path, recipe.origin.locate).operations
        steps = {"operations": tuple(_plan_step(step, (*path, "operations", k), recipe) for k, step in enumerate(inner))}
    others = {key: value for key, value in part.arguments.items() if key not in steps}
    planned = PartPlan(part.name, factory, steps | checked_arguments(factory, others, path, recipe.origin.locate, tuple(steps)))
    try:
        planned.make()  # refuses arguments that do not fit each other
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    return planned


class _InnerSteps(Strict):
    operations: Annotated[list[Part], Field(min_length=1)]
