"""Overrides of a recipe's values: `--set stages.1.epochs=3`, or a mapping from key path to value."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.checks import Path, dotted
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.recipe.extend import Writing, copy_containers, paths_of
from kcifar.recipe.yaml_file import parse_scalar


def apply_overrides(writing: Writing, overrides: Sequence[str] | Mapping[str, Any]) -> Mapping[Path, str]:
    """Write the overrides into the data; return the places of all that is there then."""
    places = dict(writing.places)
    if isinstance(overrides, Mapping):
        given = [(key, copy_containers(value), f"override {key}={one_line(repr(value), 60)}") for key, value in overrides.items()]
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
