"""Overrides of a recipe's values: `--set stages.1.epochs=3`, or a mapping from key path to value."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.checks import Path, dotted
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.recipe.extend import LocatedData, copy_containers, iterate_paths
from kcifar.recipe.yaml_file import parse_scalar


def apply_overrides(recipe: LocatedData, overrides: Sequence[str] | Mapping[str, Any]) -> Mapping[Path, str]:
    """Write the overrides into the data, and return the places of all values."""
    places = dict(recipe.places)
    if isinstance(overrides, Mapping):
        settings = [(key, copy_containers(value), f"override {key}={one_line(repr(value), 60)}") for key, value in overrides.items()]
    else:
        settings = [(*_parse_override(text), f"--set {one_line(text, 80)}") for text in overrides]
    for key, value, place in settings:
        path = _resolve_path(recipe.data, key.split("."), place)
        written = _assign(recipe.data, path, value, place)
        kept = {known: text for known, text in places.items() if known[: len(path)] != path}
        places = kept | dict.fromkeys(written, place)
    return places


def _parse_override(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--set {one_line(text, 80)}: expected key.path=value, got {one_line(text, 80)!r}")
    return key, parse_scalar(value)


def _resolve_path(data: dict[str, Any], keys: Sequence[str], place: str) -> Path:
    """Return the path of dotted keys; a list entry is given by its index, from 0, or its name."""
    path: list[str | int] = []
    node: Any = data
    for key in keys:
        step: str | int = _find_index(node, key, path, place) if isinstance(node, list) else key
        path.append(step)
        node = node[int(step)] if isinstance(node, list) else node.get(step) if isinstance(node, dict) else None
    return tuple(path)


def _find_index(entries: list[Any], key: str, path: Sequence[str | int], place: str) -> int:
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    known = [name for name in names if isinstance(name, str)]
    allowed = f"0 to {len(entries) - 1}" + (f" or one of {', '.join(known)}" if known else "")
    raise UserError(f"{place}: {dotted(tuple(path))}: expected {allowed}, got {key!r}{did_you_mean(key, known)}")


def _assign(data: Any, path: Path, value: Any, place: str) -> list[Path]:
    """Write a value, and return the paths that are new: of mappings created on the way, of the value, and of everything inside it."""
    node: Any = data
    made: list[Path] = []
    for depth, key in enumerate(path[:-1], start=1):
        if isinstance(node, dict) and key not in node:
            made.append(path[:depth])
        node = node.setdefault(str(key), {}) if isinstance(node, dict) else node[int(key)]
        if not isinstance(node, dict | list):
            raise UserError(f"{place}: {dotted(path[:-1])}: expected a mapping in which to set {path[-1]!r}, got {one_line(repr(node), 40)}")
    node[path[-1]] = value
    return [*made, *iterate_paths(value, path)]
