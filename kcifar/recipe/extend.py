"""`extend: other.yaml`: a recipe written as the difference from another; every value keeps the place where it was written.

The other file is read first (it may extend a third), then the mappings of the extending one are merged into it:

    both are mappings       merged key by key, unless both have a `name` and the names differ
    anything else           the extending file's value replaces the other: lists, numbers, texts, `null`

Where the names differ it is another part, which has no use for the arguments of the first: it starts afresh. (The `name` of the
recipe itself is not the name of a part.) Merging is done from the other file's end, as a fold: (a, b), c. It is associative as long
as every value stays of its kind; a change of kind, or of a part's name, cuts off what came before it.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path as FilePath
from typing import Any

from kcifar.core.checks import Path
from kcifar.core.errors import UserError, one_line
from kcifar.recipe.yaml_file import read_yaml

MAX_FILES = 10


@dataclass(frozen=True)
class Writing:
    """What was written, and where.

    Attributes:
        data: Plain containers; of a recipe, a mapping.
        places: For each path inside `data`, its place for messages: "stages/mine.yaml:14".
    """

    data: Any
    places: Mapping[Path, str]


def read_extended(path: FilePath) -> Writing:
    """Read a recipe file and what it extends; the result has no `extend`.

    Raises:
        UserError: A file that is missing or cannot be read, is no mapping, extends itself by a circle, or has no name of its own.
    """
    return _extended(_read(path), [path])


def extended_mapping(data: Mapping[str, Any], name: str) -> Writing:
    """Return a recipe given as plain containers, merged with what it extends; its paths are relative to the working directory.

    Args:
        data: Copied, not changed.
        name: Stands for the recipe in messages.
    Raises:
        UserError: See `read_extended`.
    """
    plain = copy_containers(data)
    return _extended(Writing(plain, dict.fromkeys(paths_of(plain), name)), [])


def merged(base: Writing, own: Writing) -> Writing:
    """Return two mappings merged by the rules above; a value's place is that of the writing it was taken from."""
    data = _merged_keys(base.data, own.data)
    return Writing(data, {path: own.places.get(path) or base.places[path] for path in paths_of(data)})


def copy_containers(value: Any) -> Any:
    """Return containers that can be changed without touching the caller's."""
    if isinstance(value, Mapping):
        return {key: copy_containers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_containers(item) for item in value]
    return value


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything inside nested containers, its own first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths_of(item, (*path, key))


def _merged_keys(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **{key: _merged_value(base[key], value) if key in base else value for key, value in own.items()}}


def _merged_value(base: Any, own: Any) -> Any:
    if isinstance(base, dict) and isinstance(own, dict) and not _is_other_part(base, own):
        return _merged_keys(base, own)
    return own


def _is_other_part(base: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    return "name" in base and "name" in own and base["name"] != own["name"]


def _extended(own: Writing, files: list[FilePath]) -> Writing:
    """Merge a writing with all that it extends.

    Args:
        own: What is merged last.
        files: The file that it was read from, or nothing.
    """
    chain = [own]
    while isinstance(chain[-1].data, dict) and "extend" in chain[-1].data:
        path, place = _base_path(chain[-1], files)
        chain.append(_read_base(path, place))
        files = [*files, path]
    for number, writing in enumerate(chain[:-1]):
        _check_name(writing, chain[number + 1 :])
    return reduce(merged, map(_without_extend, reversed(chain))) if len(chain) > 1 else own


def _base_path(writing: Writing, files: list[FilePath]) -> tuple[FilePath, str]:
    """Return the file that a writing extends, and where it says so."""
    given, place = writing.data["extend"], f"{writing.places[('extend',)]}: extend"
    if not isinstance(given, str) or not given.isprintable() or not given:
        raise UserError(f"{place}: expected the path of a recipe file, got {one_line(repr(given), 80)}")
    path = _tidied(files[-1].parent / given) if files else FilePath(given)
    if os.path.realpath(path) in map(os.path.realpath, files):
        raise UserError(f"{place}: expected a file that does not extend this one, got {given!r}: {' -> '.join(map(str, [*files, path]))}")
    if len(files) >= MAX_FILES:
        raise UserError(f"{place}: expected a chain of at most {MAX_FILES} files, got one more: {given!r}")
    return path, place


def _tidied(path: FilePath) -> FilePath:
    """Return the path without "..", for messages, unless that leads elsewhere, through a link."""
    tidy = FilePath(os.path.normpath(path))
    return tidy if os.path.realpath(tidy) == os.path.realpath(path) else path


def _read_base(path: FilePath, place: str) -> Writing:
    try:
        writing = _read(path)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    if not isinstance(writing.data, dict):
        raise UserError(f"{place}: {path}: expected a mapping, as a recipe is, got {one_line(repr(writing.data), 80)}")
    return writing


def _read(path: FilePath) -> Writing:
    data, lines = read_yaml(path)
    return Writing(data, {key: f"{path}:{line}" for key, line in lines.items()})


def _check_name(writing: Writing, bases: list[Writing]) -> None:
    """Refuse a recipe whose runs would go to the folder of one that it extends."""
    if "name" not in writing.data:
        because = "a recipe that extends another needs a name of its own, as its runs are called by it"
        raise UserError(f"{writing.places[('extend',)]}: name: missing; {because}")
    name = writing.data["name"]
    same = [base.places[("name",)] for base in bases if "name" in base.data and base.data["name"] == name]
    if same:
        got = one_line(repr(name), 80)
        raise UserError(f"{writing.places[('name',)]}: name: expected a name of its own, as runs are called by it, got {got}, which {same[0]} has")


def _without_extend(writing: Writing) -> Writing:
    return Writing({key: value for key, value in writing.data.items() if key != "extend"}, writing.places)
