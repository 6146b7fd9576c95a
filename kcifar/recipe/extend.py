"""`extend: base.yaml`: a recipe written as the difference from another; each value keeps the place where it was written.

The base is read first (it may extend another file), then the extending recipe is merged into it:

    both are mappings       merged key by key, unless both have a `name` and the names differ
    anything else           the extending file's value replaces the base's: lists, numbers, texts, `null`

If the names differ, they name different parts, and the arguments of the first do not apply to the second. (The `name` of the recipe
itself is not the name of a part.) Merging starts from the last base, as a fold: (a, b), c. It is associative as long as every value
keeps its kind; a change of kind, or of a part's name, discards what came before it.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path as FilePath
from typing import Any

from kcifar.core.checks import Path
from kcifar.core.errors import UserError, one_line
from kcifar.core.mistakes import Mistakes
from kcifar.recipe.yaml_file import read_yaml

MAX_FILES = 10


@dataclass(frozen=True)
class LocatedData:
    """Data and the place where each value was written.

    Attributes:
        data: Plain containers; for a recipe, a mapping.
        places: For each path inside `data`, its place for messages: "stages/mine.yaml:14"; in the order of `Origin.places`.
    """

    data: Any
    places: Mapping[Path, str]


def read_recipe_file(path: FilePath, mistakes: Mistakes) -> LocatedData:
    """Read a recipe file and the files it extends; the result has no `extend`.

    Args:
        path: The file.
        mistakes: Collects names that are missing or used twice; the recipe can be checked in spite of them.
    Raises:
        UserError: A file that is missing, cannot be read, is not a mapping, or extends itself in a circle.
    """
    return _merge_with_bases(_read(path), [path], mistakes)


def extend_mapping(data: Mapping[str, Any], name: str, mistakes: Mistakes) -> LocatedData:
    """Return a recipe given as plain containers, merged with the files it extends; paths are relative to the working directory.

    Args:
        data: Copied, not changed.
        name: Stands for the recipe in messages.
        mistakes: See `read_recipe_file`.
    Raises:
        UserError: See `read_recipe_file`.
    """
    plain = copy_containers(data)
    return _merge_with_bases(LocatedData(plain, dict.fromkeys(iterate_paths(plain), name)), [], mistakes)


def merge(base: LocatedData, extending: LocatedData) -> LocatedData:
    """Return two mappings merged by the rules above; each value keeps the place of the mapping it comes from."""
    data = _merge_mappings(base.data, extending.data)
    known = set(iterate_paths(data))
    places = {**extending.places, **{path: place for path, place in base.places.items() if path not in extending.places}}
    return LocatedData(data, {path: place for path, place in places.items() if path in known})


def copy_containers(value: Any) -> Any:
    """Return a deep copy of containers, as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: copy_containers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_containers(item) for item in value]
    return value


def iterate_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value inside nested containers, beginning with the outermost."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from iterate_paths(item, (*path, key))


def _merge_mappings(base: Mapping[str, Any], extending: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **{key: _merge_values(base[key], value) if key in base else value for key, value in extending.items()}}


def _merge_values(base: Any, extending: Any) -> Any:
    if isinstance(base, dict) and isinstance(extending, dict) and not _is_other_part(base, extending):
        return _merge_mappings(base, extending)
    return extending


def _is_other_part(base: Mapping[str, Any], extending: Mapping[str, Any]) -> bool:
    return "name" in base and "name" in extending and base["name"] != extending["name"]


def _merge_with_bases(recipe: LocatedData, files: list[FilePath], mistakes: Mistakes) -> LocatedData:
    """Merge a recipe with all files that it extends.

    Args:
        recipe: Merged last.
        files: The file that it was read from, or none.
        mistakes: See `read_recipe_file`.
    """
    chain = [recipe]
    while isinstance(chain[-1].data, dict) and "extend" in chain[-1].data:
        path, place = _find_base(chain[-1], files)
        chain.append(_read_base(path, place))
        files = [*files, path]
    for number, extending in enumerate(chain[:-1]):
        with mistakes.collect(("name",)):
            _check_name(extending, chain[number + 1 :])
    return reduce(merge, map(_drop_extend, reversed(chain))) if len(chain) > 1 else recipe


def _find_base(recipe: LocatedData, files: list[FilePath]) -> tuple[FilePath, str]:
    """Return the path of the file that a recipe extends, and the place of its `extend`."""
    name, place = recipe.data["extend"], f"{recipe.places[('extend',)]}: extend"
    if not isinstance(name, str) or not name.isprintable() or not name:
        raise UserError(f"{place}: expected the path of a recipe file, got {one_line(repr(name), 80)}")
    path = _normalize(files[-1].parent / name) if files else FilePath(name)
    if os.path.realpath(path) in map(os.path.realpath, files):
        raise UserError(f"{place}: expected a file that does not extend this one, got {name!r}: {' -> '.join(map(str, [*files, path]))}")
    if len(files) >= MAX_FILES:
        raise UserError(f"{place}: expected a chain of at most {MAX_FILES} files, got one more: {name!r}")
    return path, place


def _normalize(path: FilePath) -> FilePath:
    """Return the path without "..", for messages, unless a symbolic link would make it another file."""
    normal = FilePath(os.path.normpath(path))
    return normal if os.path.realpath(normal) == os.path.realpath(path) else path


def _read_base(path: FilePath, place: str) -> LocatedData:
    try:
        base = _read(path)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    if not isinstance(base.data, dict):
        raise UserError(f"{place}: {path}: expected a recipe, which is a mapping, got {one_line(repr(base.data), 80)}")
    return base


def _read(path: FilePath) -> LocatedData:
    data, lines = read_yaml(path)
    return LocatedData(data, {key: f"{path}:{line}" for key, line in lines.items()})


def _check_name(recipe: LocatedData, bases: list[LocatedData]) -> None:
    """Refuse a recipe whose runs would go to the folder of one that it extends."""
    if "name" not in recipe.data:
        raise UserError(f"{recipe.places[('extend',)]}: name: missing; a recipe that extends another needs its own name, which its run folders take")
    name = recipe.data["name"]
    same = [base.places[("name",)] for base in bases if "name" in base.data and base.data["name"] == name]
    if same:
        place = f"{recipe.places[('name',)]}: name"
        raise UserError(f"{place}: {one_line(repr(name), 80)} is already used by {same[0]}; run folders take the name, so each recipe needs its own")


def _drop_extend(recipe: LocatedData) -> LocatedData:
    return LocatedData({key: value for key, value in recipe.data.items() if key != "extend"}, recipe.places)
