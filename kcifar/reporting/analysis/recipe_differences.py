"""Settings in which resolved recipes differ: keys as `--set` takes them, with the value of each recipe."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from kcifar.core.errors import one_line

# The name and the seed of a run, and settings that change files but not the training.
IGNORED_KEYS = frozenset({"name", "seed", "test", "log_every", "checkpoint_every"})

STAGES = "stages"
_GIVEN = "given"  # value of the key of a mapping without a name
_CONSTANT = "constant"  # the name of a schedule that recipes write as a plain value
_ABSENT: Hashable = ("absent",)  # of another form than anything that `make_hashable` returns
_MAX_CHARACTERS = 60  # of a written value

Flat = Mapping[str, Any]


def flatten(recipe: Mapping[str, Any], stage_labels: Sequence[str] | None = None) -> Flat:
    """Return a resolved recipe's settings by dotted key, in its order.

    A part, which is a mapping with a name, has its name as the value of its key, and its arguments as keys below; a list of parts has a
    tuple of names. A mapping without a name has the text "given" as its value, which distinguishes it from none. The keys of parts in a
    list use their names if these are unique, else their places: "augmentation.random_crop.padding", "augmentation[1].padding".

    Args:
        recipe: Plain containers, defaults written out. Not modified.
        stage_labels: A label for each stage, as in a key: ".learn" or "[0]"; None: places. The name of a stage is not a setting.
    Example:
        >>> flatten({"model": {"name": "lenet", "dropout_rate": 0.5}, "stages": [{"name": "learn", "epochs": 3, "l2": None}]})
        {'model': 'lenet', 'model.dropout_rate': 0.5, 'stages': ('[0]',), 'stages[0].epochs': 3, 'stages[0].l2': None}
    """
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        if key == STAGES and _is_part_list(value):
            labels = stage_labels or _number_parts(value)
            flat |= {STAGES: tuple(labels)} | dict(_flatten_parts(STAGES, labels, value))
        else:
            flat.update(_flatten_value(str(key), value))
    return flat


def flatten_together(recipes: Sequence[Mapping[str, Any]]) -> list[Flat]:
    """Return recipes flattened to keys that can be compared.

    Recipes with the same number of stages but other names are compared by place, because a new name alone changes nothing. Recipes with
    different numbers of stages are compared by name, so that a removed stage is recognized as such.
    """
    names = [tuple(str(stage["name"]) for stage in recipe[STAGES]) for recipe in recipes]
    alike = len(set(names)) == 1 or len({len(each) for each in names}) > 1
    if not alike or any(len(set(each)) < len(each) for each in names):
        return [flatten(recipe) for recipe in recipes]
    return [flatten(recipe, [f".{name}" for name in each]) for recipe, each in zip(recipes, names, strict=True)]


def find_differing_keys(flats: Sequence[Flat]) -> list[str]:
    """Return the keys whose values differ between recipes, in the order of the first recipe that has them.

    The `IGNORED_KEYS` are left out, and keys that follow from others: a key that only some recipes have, below a key that differs (an
    argument of another optimizer). Such a key counts as a difference only if the recipes that have it set it to several values.
    """
    keys = [key for key in dict.fromkeys(key for flat in flats for key in flat) if key not in IGNORED_KEYS]
    values = {key: {make_hashable(flat[key]) if key in flat else _ABSENT for flat in flats} for key in keys}
    differing = {key for key in keys if len(values[key]) > 1}
    return [key for key in keys if key in differing and (len(values[key] - {_ABSENT}) > 1 or differing.isdisjoint(_find_parent_keys(key)))]


def hash_settings(flat: Flat, is_ignored: Callable[[str], bool] = IGNORED_KEYS.__contains__) -> Hashable:
    """Return a value that is equal for recipes that differ only in the `IGNORED_KEYS` and in keys that `is_ignored` accepts, in any order."""
    return frozenset((key, make_hashable(value)) for key, value in flat.items() if key not in IGNORED_KEYS and not is_ignored(key))


def make_hashable(value: Any) -> Hashable:
    """Return plain containers in a hashable form: mappings compare equal in any order, and NaN equals itself.

    Example:
        >>> make_hashable({"a": [1, 2.0], "b": {}}) == make_hashable({"b": {}, "a": [1.0, 2]})
        True
        >>> make_hashable({"flip": True}) == make_hashable({"flip": 1})
        False
    """
    if isinstance(value, Mapping):
        return "mapping", frozenset((key, make_hashable(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(map(make_hashable, value))
    return ("truth", value) if isinstance(value, bool) else "nan" if value != value else (value,)


def write_setting_change(key: str, before: Flat, after: Flat) -> str:
    """Write the value of a key in two recipes, on one line: "stages.learn.augmentation: random_crop, horizontal_flip → none".

    Parts are written by their names, but with all arguments if the other recipe has no such part: "stages.learn.l2: none → value 0.001".
    """
    both_given = all(flat.get(key, _GIVEN) not in (None, _GIVEN) for flat in (before, after))
    texts = [_write_value(flat[key]) if both_given else _write_completely(flat, key) for flat in (before, after)]
    return f"{one_line(key, 100)}: {' → '.join(one_line(text, _MAX_CHARACTERS) for text in texts)}"


def write_setting(key: str, flat: Flat) -> str:
    """Write the value of a key in a recipe, on one line: "model=lenet"; without a name, all arguments: "l2=value 0.001, layers *"."""
    text = _write_completely(flat, key) if flat.get(key, _GIVEN) in (_GIVEN, _CONSTANT) else _write_value(flat[key])
    return f"{one_line(key, 100)}={one_line(text, 24)}"


def _flatten_value(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield path, value.get("name", _GIVEN)
        yield from _flatten_arguments(path, value)
    elif _is_part_list(value):
        names = [str(part["name"]) for part in value]
        labels = [f".{name}" for name in names] if len(set(names)) == len(names) else _number_parts(value)
        yield path, tuple(names)
        yield from _flatten_parts(path, labels, value)
    else:
        yield path, value


def _flatten_arguments(path: str, part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        if name != "name":
            yield from _flatten_value(f"{path}.{name}", value)


def _flatten_parts(path: str, labels: Sequence[str], parts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for label, part in zip(labels, parts, strict=True):
        yield from _flatten_arguments(f"{path}{label}", part)


def _number_parts(parts: Sequence[object]) -> list[str]:
    return [f"[{place}]" for place in range(len(parts))]


def _is_part_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, Mapping) and "name" in part for part in value)


def _find_parent_keys(key: str) -> Iterator[str]:
    """Return the keys above a key."""
    return (key[:place] for place, letter in enumerate(key) if letter in ".[")


def _write_completely(flat: Flat, key: str) -> str:
    """Write a part with its arguments, except those that are none; a constant is written as its value, as in recipes."""
    if key not in flat:
        return "absent"
    value = flat[key]
    if value == _CONSTANT and f"{key}.value" in flat:
        return _write_value(flat[f"{key}.value"])
    beneath = [
        argument_key
        for argument_key in flat
        if argument_key.startswith(f"{key}.") and "." not in argument_key[len(key) + 1 :] and flat[argument_key] is not None
    ]
    arguments = ", ".join(f"{argument_key[len(key) + 1 :]} {_write_completely(flat, argument_key)}" for argument_key in beneath)
    if value == _GIVEN and arguments:
        return arguments
    return _write_value(value) + (f" ({arguments})" if arguments else "")


def _write_value(value: Any) -> str:
    """Write a value that is not a part; numbers have all digits, so that different values do not look alike."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} {_write_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_write_value, value)) or "none"
    return {None: "none", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
