"""Overrides of a recipe's values: `--set stages.1.epochs=3`, or a mapping from key path to value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kcifar.core.checks import Path, dotted
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.mistakes import Mistakes
from kcifar.recipe.effect import Override, check_effects
from kcifar.recipe.extend import LocatedData, copy_containers, iterate_paths
from kcifar.recipe.origin import Origin
from kcifar.recipe.yaml_file import parse_scalar

ALL = "*"  # stands for every entry of a list
_NO_KEY = "--set"  # the path of an override that names no value, so that its mistake is reported in its turn


def apply_overrides(recipe: LocatedData, name: str, overrides: Sequence[str] | Mapping[str, Any], mistakes: Mistakes) -> Origin:
    """Write the overrides into the data, and return the places of all values.

    Args:
        recipe: Its data are changed.
        name: Name of the recipe in messages.
        overrides: See `read_recipe`.
        mistakes: Collects overrides that cannot be written, and those that change nothing because other values win.
    """
    places = dict(recipe.places)
    written: list[Override] = []
    settings = overrides.items() if isinstance(overrides, Mapping) else [(text, None) for text in overrides]
    for number, (text, value) in enumerate(settings):
        path: Path = (_NO_KEY, number)
        is_text = not isinstance(overrides, Mapping)
        place = f"--set {one_line(text, 80)}" if is_text else f"override {text}={one_line(repr(value), 60)}"
        places[path] = place
        with mistakes.collect(path):
            key, value = _parse_override(text, place) if is_text else (text, copy_containers(value))
            override = Override(place, value, tuple(_resolve_paths(recipe.data, (), key.split("."), place)))
            for target in override.paths:
                places = _write(recipe.data, target, override, places)
            written.append(override)
    origin = Origin(name, places)
    check_effects(recipe.data, written, origin, mistakes)
    return origin


def _parse_override(text: str, place: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"{place}: expected key.path=value, got {one_line(text, 80)!r}")
    return key, parse_scalar(value)


def _resolve_paths(node: Any, path: Path, keys: Sequence[str], place: str) -> Iterator[Path]:
    """Yield the paths of dotted keys; a list entry is given by its index, from 0, or its name, and all entries by `ALL`."""
    if not keys:
        yield path
    elif isinstance(node, list):
        for index in range(len(node)) if keys[0] == ALL else [_find_index(node, keys[0], path, place)]:
            yield from _resolve_paths(node[index], (*path, index), keys[1:], place)
    else:
        yield from _resolve_paths(node.get(keys[0]) if isinstance(node, dict) else None, (*path, keys[0]), keys[1:], place)


def _find_index(entries: list[Any], key: str, path: Path, place: str) -> int:
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    known = [name for name in names if isinstance(name, str)]
    allowed = f"0 to {len(entries) - 1}" + (f" or one of {', '.join(known)}" if known else "")
    raise UserError(f"{place}: {dotted(path)}: expected {allowed}, got {key!r}{did_you_mean(key, known)}")


def _write(data: dict[str, Any], path: Path, override: Override, places: dict[Path, str]) -> dict[Path, str]:
    """Write an override at one of its paths, and return the places of all values."""
    places = places | _copy_default(data, path, places)
    written = _assign(data, path, copy_containers(override.value), override.place)
    return {known: text for known, text in places.items() if known[: len(path)] != path} | dict.fromkeys(written, override.place)


def _copy_default(data: dict[str, Any], path: Path, places: Mapping[Path, str]) -> dict[Path, str]:
    """Give a stage the default that an override changes a part of, and return the places of what is new."""
    if len(path) < 4 or path[0] != "stages":
        return {}
    stages, key, defaults = data["stages"], path[2], data.get("defaults")
    stage = stages[int(path[1])] if isinstance(stages, list) else None
    if not isinstance(stage, dict) or not isinstance(defaults, dict) or key in stage or not isinstance(defaults.get(key), dict | list):
        return {}
    stage[key] = copy_containers(defaults[key])
    return {("stages", path[1], *inner): places[("defaults", *inner)] for inner in iterate_paths(stage[key], (key,))}


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
