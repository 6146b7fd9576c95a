"""The steps of a stage's augmentation, each planned with the steps inside it."""

from collections.abc import Sequence
from inspect import signature
from typing import Annotated, Any

from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import OPERATIONS
from kcifar.core.checks import Path, Strict, check_tolerantly, checked_arguments
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.planning.part_plan import PartPlan, find_factory
from kcifar.recipe.load import Recipe
from kcifar.recipe.stage_settings import AugmentationPart


def plan_augmentation(recipe: Recipe, index: int, mistakes: Mistakes) -> tuple[PartPlan, ...]:
    """Return the steps of a stage's augmentation, in order.

    Args:
        recipe: The recipe.
        index: Index of the stage, from 0.
        mistakes: Collects steps that do not exist, arguments that a step refuses, and arguments that do not fit each other.
    Returns:
        The steps without mistakes.
    """
    path = recipe.stage_path(index, "augmentation")
    return _plan_steps(recipe.stages[index].augmentation, path, recipe, mistakes)


def _plan_steps(parts: Sequence[AugmentationPart | None], path: Path, recipe: Recipe, mistakes: Mistakes) -> tuple[PartPlan, ...]:
    """Plan a list of steps; None stands for one that has a mistake already."""
    planned: list[PartPlan] = []
    for k, part in enumerate(parts):
        if part is not None:
            with mistakes.collect((*path, k)):
                planned.append(_plan_step(part, (*path, k), recipe, mistakes))
    return tuple(planned)


def _plan_step(part: AugmentationPart, path: Path, recipe: Recipe, mistakes: Mistakes) -> PartPlan:
    """Plan one step; the steps in its `operations` are planned with it."""
    factory = find_factory(AUGMENTATIONS, part, path, recipe)
    inner = Mistakes()
    steps = _plan_inner_steps(part, path, recipe, inner) if OPERATIONS in signature(factory).parameters else {}
    mistakes.add(inner)
    others = {key: value for key, value in part.arguments.items() if key not in steps}
    planned = PartPlan(part.name, factory, steps | checked_arguments(factory, others, path, recipe.origin.locate, tuple(steps), tuple(steps)))
    if not len(inner):
        try:
            planned.make()  # refuses arguments that do not fit each other
        except UserError as error:
            raise UserError(f"{recipe.origin.place(path)}: {error}") from None
    return planned


def _plan_inner_steps(part: AugmentationPart, path: Path, recipe: Recipe, mistakes: Mistakes) -> dict[str, Any]:
    given = {OPERATIONS: part.arguments[OPERATIONS]} if OPERATIONS in part.arguments else {}
    parts = check_tolerantly(_InnerSteps, given, path, recipe.origin.locate, mistakes).operations
    return {OPERATIONS: _plan_steps(parts or (), (*path, OPERATIONS), recipe, mistakes)}


class _InnerSteps(Strict):
    operations: Annotated[list[AugmentationPart], Field(min_length=1)]
