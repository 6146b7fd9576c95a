"""A part that a recipe names (model, optimizer, loss, schedule, …): its factory and its checked arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kcifar.core.checks import Path, checked_arguments
from kcifar.core.registry import Registry
from kcifar.recipe.load import Recipe
from kcifar.recipe.stage_settings import Part


@dataclass(frozen=True)
class PartPlan:
    """A registered part with its checked arguments."""

    name: str
    factory: Any
    arguments: Mapping[str, Any]

    def make(self, *positional: Any) -> Any:
        """Call the factory with the caller's positional arguments and the recipe's arguments; nested parts are made first."""
        return self.factory(*positional, **{key: _make_value(value) for key, value in self.arguments.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the part as a recipe writes it, every default written out."""
        return {"name": self.name, **{key: _to_plain(value) for key, value in self.arguments.items()}}


def plan_part(registry: Registry, part: Part, path: Path, recipe: Recipe) -> PartPlan:
    """Look up a part and check its arguments.

    Args:
        registry: The registry of the part's kind.
        part: The part as the recipe writes it.
        path: Where the recipe writes it.
        recipe: The recipe, for the place in messages.
    Raises:
        UserError: No part is registered under the name, or the part refuses an argument.
    """
    factory = registry.get(part.name, recipe.origin.place((*path, "name")))
    return PartPlan(part.name, factory, checked_arguments(factory, part.arguments, path, recipe.origin.locate, registry.supplied))


def _make_value(value: Any) -> Any:
    return tuple(map(_make_value, value)) if isinstance(value, tuple) else value.make() if isinstance(value, PartPlan) else value


def _to_plain(value: Any) -> Any:
    return list(map(_to_plain, value)) if isinstance(value, list | tuple) else value.to_dict() if isinstance(value, PartPlan) else value
