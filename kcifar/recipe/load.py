"""Loading a recipe: the file or mapping, the files it extends, its overrides, and the checks of its structure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from kcifar.core.checks import Path, checked
from kcifar.core.errors import UserError, one_line
from kcifar.recipe.document import Document
from kcifar.recipe.extend import extend_mapping, read_recipe_file
from kcifar.recipe.origin import Origin
from kcifar.recipe.overrides import apply_overrides
from kcifar.recipe.shipped import find_recipe
from kcifar.recipe.stage_settings import Stage, StageSettings


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its keys, its stages with the defaults merged in, and the place of each value."""

    document: Document
    stages: tuple[Stage, ...]
    origin: Origin

    @property
    def name(self) -> str:
        """The recipe's name, which run folders take."""
        return self.document.name

    def stage_path(self, index: int, key: str) -> Path:
        """Return where a stage's value was written: in the stage itself or in the defaults."""
        path: Path = ("stages", index, key)
        return path if self.origin.knows(path) else ("defaults", key)

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers with every default written out; loading them gives the same recipe."""
        plain = self.document.model_dump(mode="json", exclude={"defaults", "stages", "extend"})
        return {**plain, "stages": [_put_name_first(stage.model_dump(mode="json")) for stage in self.stages]}


def load_recipe(source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        source: A YAML file, the name of a shipped recipe, or plain containers of the same structure; each may extend another file.
        overrides: "key.path=value" texts as for `--set`, or a mapping from key path to value.
            A stage is given by its index, from 0, or its name: "stages.1.epochs=3", "stages.refine.epochs=3".
    Raises:
        UserError: One line: file, line, key, what is allowed, what was received.
    """
    if isinstance(source, Mapping):
        name = "recipe"
        recipe = extend_mapping(source, name)
    else:
        path = find_recipe(FilePath(source))
        name = str(path)
        recipe = read_recipe_file(path)
    places = apply_overrides(recipe, overrides) if isinstance(recipe.data, dict) else recipe.places
    return _check_recipe(recipe.data, Origin(name, places))


def _check_recipe(data: Any, origin: Origin) -> Recipe:
    if not isinstance(data, dict):
        raise UserError(f"{origin.name}: expected a mapping with the keys {', '.join(Document.model_fields)}, got {one_line(repr(data), 80)}")
    document = checked(Document, data, (), origin.locate)
    checked(StageSettings, document.defaults, ("defaults",), origin.locate)
    stages = tuple(_check_stage(raw, document.defaults, index, origin) for index, raw in enumerate(document.stages))
    _check_names(stages, origin)
    _check_selection(document, origin)
    return Recipe(document, stages, origin)


def _check_stage(raw: dict[str, Any], defaults: dict[str, Any], index: int, origin: Origin) -> Stage:
    return checked(Stage, {**defaults, **raw}, ("stages", index), origin.locate)


def _check_names(stages: Sequence[Stage], origin: Origin) -> None:
    seen: dict[str, int] = {}
    for index, stage in enumerate(stages):
        if stage.name in seen:
            path: Path = ("stages", index, "name")
            raise UserError(f"{origin.place(path)}: {stage.name!r} is already used by stages[{seen[stage.name]}]")
        seen[stage.name] = index


def _check_selection(document: Document, origin: Origin) -> None:
    if document.select == "best" and document.dataset.validation == 0:
        raise UserError(f"{origin.locate(('select',))}: select: 'best' needs a validation split, got dataset.validation: 0")


def _put_name_first(stage: dict[str, Any]) -> dict[str, Any]:
    return {"name": stage.pop("name"), **stage}
