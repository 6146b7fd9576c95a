"""One form of message for every user error: place, what is allowed, what was received.

Pydantic does the checking; this module words the message. The allowed values come from the JSON schema of the expected type, so a
new key with a new range needs no new message.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from kcifar.core.errors import UserError, did_you_mean, one_line

Path = tuple[str | int, ...]
Locate = Callable[[Path], str]
Model = TypeVar("Model", bound=BaseModel)

_LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
_NOUNS = {
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


class Strict(BaseModel):
    """Base of everything read from a recipe: refuses unknown keys and silent conversions; values are immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def dotted(path: Path) -> str:
    """Format a path for messages: ("stages", 1, "epochs") is "stages[1].epochs"."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


def checked(model: type[Model], data: object, path: Path, locate: Locate) -> Model:
    """Return `data` as an instance of `model`.

    Args:
        model: The expected structure.
        data: Plain containers, as read from YAML.
        path: The path of `data` in the recipe.
        locate: Returns the place of a path for the message, for example "stages/mine.yaml:14".
    Raises:
        UserError: One line about the first error.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(model, error, path, locate)) from None


def checked_arguments(
    factory: Callable[..., Any], arguments: Mapping[str, object], path: Path, locate: Locate, supplied: Collection[str] = ()
) -> dict[str, Any]:
    """Check the arguments that a recipe gives to a part against the signature of its factory.

    Args:
        factory: Function or dataclass; its annotations (with `pydantic.Field` ranges) and defaults say what is allowed.
        arguments: The part's keys except `name`.
        path: The path of the part in the recipe.
        locate: See `checked`.
        supplied: Parameters that the caller supplies (image shape, data path); a recipe cannot set them.
    Returns:
        Every argument with its value, defaults included.
    Raises:
        UserError: An unknown key, a wrong type or a value out of range.
    """
    values = checked(make_argument_model(factory, frozenset(supplied)), dict(arguments), path, locate)
    return {name: getattr(values, name) for name in type(values).model_fields}


def make_argument_model(factory: Callable[..., Any], supplied: Collection[str] = ()) -> type[BaseModel]:
    """Return the pydantic model of a factory's parameters, without the `supplied` ones."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(factory, eval_str=True).parameters.values():
        if parameter.name in supplied:
            continue
        if parameter.annotation is parameter.empty or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise UserError(
                f"{factory.__module__}.{factory.__name__}: expected a plain parameter with a type, such as 'width: int = 64', got '{parameter}'"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (parameter.annotation, default)
    return create_model(factory.__name__, __base__=Strict, **fields)


def expect_choice(place: str, received: object, choices: Collection[str]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        UserError: The message lists the choices and suggests the nearest.
    """
    if received not in choices:
        raise UserError(f"{place}: expected one of {', '.join(choices)}, got {received!r}{did_you_mean(received, choices)}")


def explain(model: type[BaseModel], error: ValidationError, path: Path, locate: Locate) -> str:
    """Return one line for the first error of a pydantic validation."""
    first = error.errors(include_url=False)[0]
    schema = model.model_json_schema()
    node, walked = _walk(schema, first["loc"])
    place = path + walked
    prefix = f"{locate(place)}: {dotted(place)}" if place else locate(place)
    if first["type"] == "extra_forbidden":
        return _describe_unknown_key(node, first["loc"], path, walked, locate)
    if first["type"] == "missing":
        return f"{locate(path + walked[:-1])}: {dotted(place)}: missing; expected {describe_allowed(node, schema)}"
    if first["type"] == "value_error":
        return f"{prefix}: {one_line(first['ctx']['error'])}"
    return f"{prefix}: expected {describe_allowed(node, schema)}, got {one_line(repr(first['input']), 80)}"


def describe_allowed(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Describe the values that a JSON-schema node allows: "a number > 0", "one of 'keep', 'drop'"."""
    node = _resolve(node, schema)
    if "allowed" in node:  # a field's own words, given as `json_schema_extra`; its description tells the user what it is for
        return str(node["allowed"])
    if "description" in node and "properties" in node:  # a model's docstring
        return str(node["description"]).strip().splitlines()[0].rstrip(".")
    if "anyOf" in node:
        return " or ".join(describe_allowed(choice, schema) for choice in node["anyOf"])
    if "enum" in node:
        return "one of " + ", ".join(repr(value) for value in node["enum"])
    if "const" in node:
        return repr(node["const"])
    noun = _NOUNS.get(node.get("type", ""), "a value")
    limits = [f"{sign} {node[key]:.12g}" for key, sign in _LIMITS.items() if key in node]
    if "minItems" in node or "maxItems" in node:
        limits.append(_describe_length(node))
    return " ".join([noun, " and ".join(limits)]).strip()


def _describe_length(node: Mapping[str, Any]) -> str:
    """Describe the allowed number of items of a list: "of 1 to 10 items"."""
    least, most = node.get("minItems", 0), node.get("maxItems")
    if most is None:
        return f"of at least {least} item{'s' * (least != 1)}"
    return f"of {least} to {most} items" if least else f"of at most {most} items"


def _describe_unknown_key(node: Mapping[str, Any], loc: tuple[int | str, ...], path: Path, walked: Path, locate: Locate) -> str:
    keys = list(node.get("properties", {}))
    place = path + walked + (loc[len(walked)],)
    names = f"allowed: {', '.join(keys)}" if keys else "it takes no arguments"
    return f"{locate(place)}: {dotted(place)}: unknown key{did_you_mean(str(loc[-1]), keys)} ({names})"


def _walk(schema: Mapping[str, Any], loc: tuple[int | str, ...]) -> tuple[Mapping[str, Any], Path]:
    """Follow an error's location into the schema; stop where pydantic's labels for the branches of a union begin."""
    node: Mapping[str, Any] = schema
    walked: list[str | int] = []
    for key in loc:
        node = _choose_branch(_resolve(node, schema), schema)
        step = node.get("items") if isinstance(key, int) else node.get("properties", {}).get(key)
        if step is None:
            break
        node = step
        walked.append(key)
    return _resolve(node, schema), tuple(walked)


def _choose_branch(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the branch of a union that has properties or items; the node itself if there is none."""
    branches = [_resolve(choice, schema) for choice in node.get("anyOf", ())]
    return next((branch for branch in branches if "properties" in branch or "items" in branch), node)


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` into the definitions."""
    while "$ref" in node:
        node = schema["$defs"][str(node["$ref"]).rsplit("/", 1)[-1]]
    return node
