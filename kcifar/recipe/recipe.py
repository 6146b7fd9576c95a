"""The recipe: what a run is, as read from YAML, checked for structure, with the place of every value kept.

This module knows the keys that every recipe shares. The arguments of parts (`model:`, `optimizer:`, …) are checked against the
parts themselves by `plan.py`. Nothing here imports a backend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field

from kcifar.core.checks import Path, Strict, checked, dotted
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.recipe.extend import Writing, extended_mapping, paths_of, read_extended
from kcifar.recipe.stage_settings import Monitor, Part, Positive, Share, Stage, StageSettings
from kcifar.recipe.yaml_file import parse_plain, parse_scalar

Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _merged_already(extend: str | None) -> str | None:
    """Refuse what only an override can bring here: files are merged, and their `extend` taken out, before anything is checked."""
    if extend is not None:
        raise ValueError(f"expected in a recipe itself, as files are merged before values are set, got {extend!r}")
    return extend


class DatasetPart(Part):
    """a mapping with the name of a data set and its arguments, such as {name: cifar10, validation: 0.2}"""

    validation: Annotated[int, Field(ge=0)] | Share = 0.2
    imbalance: Annotated[float, Field(gt=0, le=1)] = 1.0


class Input(Strict):
    """How pixels 0..255 become the network's input, inside the model."""

    normalization: Literal["unit", "standardize", "none"] = "unit"


class Document(Strict):
    """The keys of a recipe file. `stages` and `defaults` are checked one by one, so that a message names the right line."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="a name of letters, digits, '.', '_' and '-'")]
    seed: Seed = 0
    split_seed: Seed = 0
    dataset: DatasetPart
    model: Part
    input: Input = Input()
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    deterministic: bool = False
    select: Literal["last", "best"] = "last"
    monitor: Monitor = "val_accuracy"
    test: Literal["end", "never"] = "end"
    checkpoint_every: Positive = 1
    log_every: Positive = 50
    defaults: dict[str, Any] = Field(default_factory=dict)
    stages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    extend: Annotated[str | None, AfterValidator(_merged_already)] = None


@dataclass(frozen=True)
class Origin:
    """Where the values of a recipe were written, for messages.

    Attributes:
        name: File, or what stands for one.
        places: For each path that was written: file and line, or the override ("--set stages.1.epochs=3").
    """

    name: str = "recipe"
    places: Mapping[Path, str] = field(default_factory=dict)

    def locate(self, path: Path) -> str:
        """Return the place of a path: "stages/mine.yaml:14", or the override that set it, or its nearest parent's place."""
        heads = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[head] for head in heads if head in self.places), self.name)

    def place(self, path: Path) -> str:
        """Return place and key for a message: "stages/mine.yaml:14: stages[1].epochs"."""
        return f"{self.locate(path)}: {dotted(path)}"

    def knows(self, path: Path) -> bool:
        """Whether the user wrote this value himself."""
        return path in self.places


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
        source: A YAML file, or the same as plain containers; either may extend another file.
        overrides: "key.path=value" texts as `--set` takes them, or a mapping from key path to value.
            Stages are counted from 0 or named: "stages.1.epochs=3", "stages.refine.epochs=3".
    Raises:
        UserError: One line: file, line, key, what is allowed, what was received.
    """
    if isinstance(source, Mapping):
        name = "recipe"
        writing = extended_mapping(_plain_copy(source), name)
    else:
        name = str(source)
        writing = read_extended(FilePath(source))
    places = _apply_overrides(writing, overrides) if isinstance(writing.data, dict) else writing.places
    return _checked_recipe(writing.data, Origin(name, places))


def yaml_text(recipe: Mapping[str, Any]) -> str:
    """Write a recipe's plain containers as YAML."""
    return str(yaml.dump(dict(recipe), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150))


class _Dumper(yaml.SafeDumper):
    """Quotes every text that `read_yaml` would not give back as that text, such as the name "1e-3"."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    style = None if text and parse_plain(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


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


def _apply_overrides(writing: Writing, overrides: Sequence[str] | Mapping[str, Any]) -> Mapping[Path, str]:
    """Write the overrides into the data; return the places of all that is there then."""
    places = dict(writing.places)
    if isinstance(overrides, Mapping):
        given = [(key, _plain_copy(value), f"override {key}={one_line(repr(value), 60)}") for key, value in overrides.items()]
    else:
        given = [(*_parsed_override(text), f"--set {one_line(text, 80)}") for text in overrides]
    for key, value, place in given:
        path = _resolved_path(writing.data, key.split("."), place)
        written = _assign(writing.data, path, value, place)
        kept = {other: text for other, text in places.items() if other[: len(path)] != path}
        places = kept | dict.fromkeys(written, place)
    return places


def _parsed_override(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--set {one_line(text, 80)}: expected key.path=value, got {one_line(text, 80)!r}")
    return key, parse_scalar(value)


def _resolved_path(data: dict[str, Any], keys: Sequence[str], place: str) -> Path:
    """Turn dotted keys into a path; list entries are counted from 0 or called by their name."""
    path: list[str | int] = []
    here: Any = data
    for key in keys:
        step: str | int = _list_index(here, key, path, place) if isinstance(here, list) else key
        path.append(step)
        here = here[int(step)] if isinstance(here, list) else here.get(step) if isinstance(here, dict) else None
    return tuple(path)


def _list_index(entries: list[Any], key: str, path: Sequence[str | int], place: str) -> int:
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    known = [name for name in names if isinstance(name, str)]
    allowed = f"0 to {len(entries) - 1}" + (f" or one of {', '.join(known)}" if known else "")
    raise UserError(f"{place}: {dotted(tuple(path))}: expected {allowed}, got {key!r}{did_you_mean(key, known)}")


def _assign(data: Any, path: Path, value: Any, place: str) -> list[Path]:
    """Write a value and return the paths that came to be by it: of the mappings made on the way, the value, and all inside it."""
    here: Any = data
    made: list[Path] = []
    for depth, key in enumerate(path[:-1], start=1):
        if isinstance(here, dict) and key not in here:
            made.append(path[:depth])
        here = here.setdefault(str(key), {}) if isinstance(here, dict) else here[int(key)]
        if not isinstance(here, dict | list):
            raise UserError(f"{place}: {dotted(path[:-1])}: expected a mapping to set {path[-1]!r} in, got {one_line(repr(here), 40)}")
    here[path[-1]] = value
    return [*made, *paths_of(value, path)]


def _plain_copy(value: Any) -> Any:
    """Return containers that can be changed without touching the caller's."""
    if isinstance(value, Mapping):
        return {key: _plain_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_copy(item) for item in value]
    return value


def _name_first(stage: dict[str, Any]) -> dict[str, Any]:
    return {"name": stage.pop("name"), **stage}
