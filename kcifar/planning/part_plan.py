"""A part that a recipe names (model, optimizer, loss, schedule, …): its factory and its checked arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kcifar.core.checks import Path, checked_arguments
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistake, Mistakes, SeveralMistakes
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


def plan_part(
    registry: Registry, part: Part | None, path: Path, recipe: Recipe, mistakes: Mistakes, adapt: Callable[[Any], Any] | None = None
) -> PartPlan | None:
    """Look up a part and check its arguments.

    Args:
        registry: The registry of the part's kind.
        part: The part as the recipe writes it; None if it has a mistake already.
        path: Where the recipe writes it.
        recipe: The recipe, for the place in messages.
        mistakes: Collects a name that is not registered, and arguments that the part refuses.
        adapt: Changes the type of each argument; see `checked_arguments`.
    Returns:
        None if there is a mistake.
    """
    planned: PartPlan | None = None
    if part is None:
        return None
    with mistakes.collect(path):
        factory = find_factory(registry, part, path, recipe)
        arguments = checked_arguments(factory, part.arguments, path, recipe.origin.locate, registry.supplied, list_base_keys(part), adapt)
        planned = PartPlan(part.name, factory, arguments)
    return planned


def find_factory(registry: Registry, part: Part, path: Path, recipe: Recipe) -> Any:
    """Return the factory that a part names.

    Raises:
        SeveralMistakes: No part is registered under the name.
    """
    place = (*path, "name")
    try:
        return registry.get(part.name, recipe.origin.place(place))
    except UserError as error:
        raise SeveralMistakes([Mistake(place, str(error))]) from None


def list_base_keys(part: Part) -> list[str]:
    """Return the keys that every part of a kind has besides its name and its own arguments."""
    return [key for key in type(part).model_fields if key != "name"]


def _make_value(value: Any) -> Any:
    return tuple(map(_make_value, value)) if isinstance(value, tuple) else value.make() if isinstance(value, PartPlan) else value


def _to_plain(value: Any) -> Any:
    return list(map(_to_plain, value)) if isinstance(value, list | tuple) else value.to_dict() if isinstance(value, PartPlan) else value
