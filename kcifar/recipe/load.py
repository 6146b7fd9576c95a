"""Loading a recipe: the file or mapping, the files it extends, its overrides, and the checks of its structure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from kcifar.core.checks import Path, check_tolerantly
from kcifar.core.errors import UserError, find_nearest, one_line
from kcifar.core.mistakes import Mistakes
from kcifar.recipe.document import Document
from kcifar.recipe.extend import LocatedData, extend_mapping, read_recipe_file
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
    """Read a recipe and check its structure; see `read_recipe`, which says what the arguments are.

    Raises:
        SeveralMistakes: One line for each mistake: file, line, key, what is allowed, what was received.
    """
    mistakes = Mistakes()
    recipe = read_recipe(source, overrides, mistakes)
    mistakes.raise_any(recipe.origin.order)
    return recipe


def read_recipe(source: str | FilePath | Mapping[str, Any], overrides: Sequence[str] | Mapping[str, Any], mistakes: Mistakes) -> Recipe:
    """Read a recipe, and collect the mistakes in its structure.

    Args:
        source: A YAML file, the name of a shipped recipe, or plain containers of the same structure; each may extend another file.
        overrides: "key.path=value" texts as for `--set`, or a mapping from key path to value.
            A stage is given by its index, from 0, or its name: "stages.1.epochs=3", "stages.refine.epochs=3"; "stages.*.epochs=3" means all.
        mistakes: Collects them.
    Returns:
        The recipe. Values with a mistake have their default; where there is none, they are None, whatever their type says.
    Raises:
        UserError: A file that cannot be read at all.
    """
    recipe, name = _read(source, mistakes)
    if not isinstance(recipe.data, dict):
        raise UserError(f"{name}: expected a mapping with the keys {', '.join(Document.model_fields)}, got {one_line(repr(recipe.data), 80)}")
    origin = apply_overrides(recipe, name, overrides, mistakes)
    document = check_tolerantly(Document, recipe.data, (), origin.locate, mistakes)
    check_tolerantly(StageSettings, document.defaults, ("defaults",), origin.locate, mistakes)
    stages = tuple(_check_stage(raw, document.defaults, index, origin, mistakes) for index, raw in enumerate(document.stages or ()))
    _check_names(stages, origin, mistakes)
    with mistakes.collect(("select",)):
        _check_selection(document, origin)
    return Recipe(document, stages, origin)


def _read(source: str | FilePath | Mapping[str, Any], mistakes: Mistakes) -> tuple[LocatedData, str]:
    """Return a recipe merged with the files that it extends, and its name in messages."""
    if isinstance(source, Mapping):
        return extend_mapping(source, "recipe", mistakes), "recipe"
    path = find_recipe(FilePath(source))
    return read_recipe_file(path, mistakes), str(path)


def _check_stage(raw: dict[str, Any] | None, defaults: dict[str, Any], index: int, origin: Origin, mistakes: Mistakes) -> Stage:
    """Check a stage with the defaults merged in; mistakes in the defaults are not repeated for each stage."""
    found = Mistakes()
    stage = check_tolerantly(Stage, {**defaults, **(raw or {})}, ("stages", index), origin.locate, found)
    if raw is not None:
        own = raw.keys() | (Stage.model_fields.keys() - defaults.keys() - {_find_meant_key(key) for key in defaults})
        mistakes.add(mistake for mistake in found if mistake.path[2] in own)
    return stage


def _find_meant_key(key: object) -> str | None:
    """Return the key that a misspelled one in `defaults` stands for: a stage that takes it from there does not lack it."""
    return find_nearest(key, StageSettings.model_fields)


def _check_names(stages: Sequence[Stage], origin: Origin, mistakes: Mistakes) -> None:
    seen: dict[str, int] = {}
    for index, stage in enumerate(stages):
        path: Path = ("stages", index, "name")
        with mistakes.collect(path):
            if stage.name in seen:
                raise UserError(f"{origin.place(path)}: {stage.name!r} is already used by stages[{seen[stage.name]}]")
        if stage.name is not None:  # None: a stage whose name has a mistake of its own
            seen[stage.name] = index


def _check_selection(document: Document, origin: Origin) -> None:
    if document.select == "best" and document.dataset is not None and document.dataset.validation == 0:
        raise UserError(f"{origin.locate(('select',))}: select: 'best' needs a validation split, got dataset.validation: 0")


def _put_name_first(stage: dict[str, Any]) -> dict[str, Any]:
    return {"name": stage.pop("name"), **stage}
