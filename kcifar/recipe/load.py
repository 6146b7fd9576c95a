"""Reading a recipe: the file or mapping, what it extends, its overrides, and the check of its structure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from kcifar.core.checks import Path, checked
from kcifar.core.errors import UserError, one_line
from kcifar.recipe.document import Document
from kcifar.recipe.extend import extended_mapping, read_extended
from kcifar.recipe.origin import Origin
from kcifar.recipe.overrides import apply_overrides
from kcifar.recipe.shipped import find_recipe
from kcifar.recipe.stage_settings import Stage, StageSettings


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: the document's keys, the stages with their defaults merged in, and where all was written."""

    document: Document
    stages: tuple[Stage, ...]
    origin: Origin

    @property
    def name(self) -> str:
        """The recipe's name; runs are called after it."""
        return self.document.name

    def stage_path(self, index: int, key: str) -> Path:
        """Return where a stage's value was written: in the stage itself or in the defaults."""
        own: Path = ("stages", index, key)
        return own if self.origin.knows(own) else ("defaults", key)

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers with every default written out; they make the same recipe again."""
        plain = self.document.model_dump(mode="json", exclude={"defaults", "stages", "extend"})
        return {**plain, "stages": [_name_first(stage.model_dump(mode="json")) for stage in self.stages]}


def load_recipe(source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        source: A YAML file, the name of a shipped recipe, or the same as plain containers; each may extend another file.
        overrides: "key.path=value" texts as `--set` takes them, or a mapping from key path to value.
            Stages are counted from 0 or named: "stages.1.epochs=3", "stages.refine.epochs=3".
    Raises:
        UserError: One line: file, line, key, what is allowed, what was received.
    """
    if isinstance(source, Mapping):
        name = "recipe"
        writing = extended_mapping(source, name)
    else:
        path = find_recipe(FilePath(source))
        name = str(path)
        writing = read_extended(path)
    places = apply_overrides(writing, overrides) if isinstance(writing.data, dict) else writing.places
    return _checked_recipe(writing.data, Origin(name, places))


def _checked_recipe(data: Any, origin: Origin) -> Recipe:
    if not isinstance(data, dict):
        raise UserError(f"{origin.name}: expected a mapping with the keys {', '.join(Document.model_fields)}, got {one_line(repr(data), 80)}")
    document = checked(Document, data, (), origin.locate)
    checked(StageSettings, document.defaults, ("defaults",), origin.locate)
    stages = tuple(_checked_stage(raw, document.defaults, index, origin) for index, raw in enumerate(document.stages))
    _check_names(stages, origin)
    _check_selection(document, origin)
    return Recipe(document, stages, origin)


def _checked_stage(raw: dict[str, Any], defaults: dict[str, Any], index: int, origin: Origin) -> Stage:
    return checked(Stage, {**defaults, **raw}, ("stages", index), origin.locate)


def _check_names(stages: Sequence[Stage], origin: Origin) -> None:
    seen: dict[str, int] = {}
    for index, stage in enumerate(stages):
        if stage.name in seen:
            path: Path = ("stages", index, "name")
            raise UserError(f"{origin.place(path)}: expected a name of its own, got {stage.name!r}, which stages[{seen[stage.name]}] has")
        seen[stage.name] = index


def _check_selection(document: Document, origin: Origin) -> None:
    if document.select == "best" and document.dataset.validation == 0:
        raise UserError(f"{origin.locate(('select',))}: select: 'best' needs a validation part, got dataset.validation: 0")


def _name_first(stage: dict[str, Any]) -> dict[str, Any]:
    return {"name": stage.pop("name"), **stage}
