"""Every key of a recipe: what it means, what is allowed, its default and examples, read from the models that check recipes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcifar.core.checks import describe_allowed
from kcifar.core.errors import UserError, did_you_mean
from kcifar.documentation.model_schemas import make_schema
from kcifar.documentation.parts import KINDS, find_kind
from kcifar.recipe.document import Document
from kcifar.recipe.shipped import LISTING
from kcifar.recipe.stage_settings import Stage
from kcifar.recipe.write import format_flow_yaml

REQUIRED, NONE = "required", "none"
_STAGE_PREFIX = re.compile(r"^(?:stages(?:\[\d+\]|\.\d+)?|defaults)\.")


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        path: "seed", "weight_decay.value"; keys inside the mappings of a list have no number.
        meaning: Its description; empty if there is none.
        allowed: What its value may be.
        default: Its default as YAML, `NONE` for nothing; `REQUIRED` if it must be given.
        examples: Values as YAML.
        kind: The kind of part that it names, a key of `KINDS`; None for others.
        nested: The keys inside its mapping.
    """

    path: str
    meaning: str
    allowed: str
    default: str
    examples: tuple[str, ...]
    kind: str | None
    nested: tuple["Key", ...]

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rsplit(".", 1)[-1]


def list_recipe_keys() -> list[Key]:
    """Return the keys of a recipe file."""
    schema = make_schema(Document)
    return list(_read_keys(schema, schema))


def list_stage_keys() -> list[Key]:
    """Return the keys of a stage; all except `name` may be in `defaults` too."""
    schema = make_schema(Stage)
    keys = {key.path: key for key in _read_keys(schema, schema)}
    return [keys.pop("name"), *keys.values()]


def list_part_keys(kind: str, name: str) -> list[Key]:
    """Return the arguments of a registered part, as keys."""
    schema = KINDS[kind].make_argument_schema(name)
    return list(_read_keys(schema, schema))


def list_base_keys(kind: str) -> list[Key]:
    """Return the keys that every part of a kind has besides `name` and its own arguments."""
    return list(_read_keys({"properties": KINDS[kind].make_base_schema()}, {}))


def walk_keys(keys: Iterable[Key]) -> Iterator[Key]:
    """Yield keys, each followed by those inside it."""
    for key in keys:
        yield key
        yield from walk_keys(key.nested)


def find_keys(name: str) -> list[Key]:
    """Return the keys of that name, at most one of the recipe and one of a stage; if there is none, nested keys that end in it.

    Args:
        name: "weight_decay", "ema.decay", "patience"; "stages.", "stages[1]." or "defaults." in front asks for keys of a stage.
    Raises:
        UserError: No such key; the message offers the nearest.
    """
    bare = _STAGE_PREFIX.sub("", name)
    groups = [list_stage_keys()] if bare != name else [list_recipe_keys(), list_stage_keys()]
    keys = [key for group in groups for key in walk_keys(group)]
    matches = [key for key in keys if key.path == bare] or [key for key in keys if key.path.endswith(f".{bare}")]
    if not matches:
        names = [name for key in keys for name in (key.path, key.name)]
        raise UserError(f"no key {name!r}{did_you_mean(bare, names)} ({LISTING} keys lists all)")
    return matches


def _read_keys(node: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = "") -> Iterator[Key]:
    required = node.get("required", ())
    for name, field in node.get("properties", {}).items():
        default = REQUIRED if name in required else _format_default(field.get("default"))
        definition = _find_definition(field)
        kind = find_kind(definition)
        yield Key(
            prefix + name,
            field.get("description", ""),
            _describe_allowed(field, schema),
            default,
            tuple(map(format_flow_yaml, field.get("examples", ()))) or (() if default in (REQUIRED, NONE) else (default,)),
            kind,
            tuple(_read_nested(definition, kind, schema, f"{prefix}{name}.")),
        )


def _read_nested(definition: str, kind: str | None, schema: Mapping[str, Any], prefix: str) -> Iterator[Key]:
    if kind is None and definition:
        yield from _read_keys(schema["$defs"][definition], schema, prefix)
    elif kind == "dataset":  # the keys of every data set; those of schedules are listed with the schedules
        yield from _read_keys({"properties": KINDS[kind].make_base_schema()}, schema, prefix)


def _find_definition(field: Mapping[str, Any]) -> str:
    """Return the name of the class that a value's mapping, or the mappings of its list, are checked by; empty if there is none."""
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    inside = [*field.get("anyOf", ()), *([field["items"]] if "items" in field else [])]
    return next(filter(None, map(_find_definition, inside)), "")


def _describe_allowed(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Describe what a value may be; `null` is not worth a word where it is the default."""
    if "allowed" in field:
        return describe_allowed(field, schema)
    choices = [choice for choice in field.get("anyOf", ()) if choice != {"type": "null"}]
    if choices:
        return " or ".join(_describe_allowed(choice, schema) for choice in choices)
    items = field.get("items", {})
    each = f", each {describe_allowed(items, schema)}" if items.get("type") != "object" and items else ""
    return describe_allowed(field, schema) + each


def _format_default(default: Any) -> str:
    if default in (None, [], {}):
        return NONE
    is_constant = isinstance(default, dict) and default.get("name") == "constant"  # written as the number that stands for it
    return format_flow_yaml(default["value"] if is_constant else default)
