"""One form of message for every user error: place, what is allowed, what was received.

Pydantic does the checking; this module words the message. The allowed values come from the JSON schema of the expected type, so a
new key with a new range needs no new message.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from kcifar.core.errors import UserError, did_you_mean, find_nearest, one_line
from kcifar.core.mistakes import Mistake, Mistakes, SeveralMistakes
from kcifar.core.mistakes import Path as Path

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
        SeveralMistakes: One line for each mistake.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SeveralMistakes(explain(model, error, path, locate)) from None


def check_tolerantly(model: type[Model], data: Mapping[str, object], path: Path, locate: Locate, mistakes: Mistakes) -> Model:
    """Return `data` as an instance of `model` as far as it is right, and collect its mistakes, so that what is right can be checked further.

    A value with a mistake is replaced by its default, or by None if it has none; an entry of a list, by None.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes.add(explain(model, error, path, locate))
        failed: dict[str, set[int | str]] = {}
        for details in error.errors(include_url=False):
            failed.setdefault(str(details["loc"][0]), set()).update(details["loc"][1:2])
    right = {key: value for key, value in data.items() if str(key) not in failed}
    entries = {key: _drop_entries(data[key], places) for key, places in failed.items() if _is_list(model, data, key)}
    fields: dict[str, Any] = {key: _make_lenient(model.model_fields[key], key in entries) for key in failed if key in model.model_fields}
    return create_model(model.__name__, __base__=model, **fields).model_validate(right | entries)


def _is_list(model: type[BaseModel], data: Mapping[str, object], key: str) -> bool:
    return key in model.model_fields and get_origin(model.model_fields[key].annotation) is list and bool(data.get(key))


def _drop_entries(values: Any, failed: Collection[int | str]) -> list[Any]:
    return [None if index in failed else value for index, value in enumerate(values)] if isinstance(values, list) else []


def _make_lenient(field: FieldInfo, has_entries: bool) -> tuple[Any, Any]:
    """Return type and default of a field whose value, or some of whose entries, had a mistake."""
    if has_entries:
        return list[get_args(field.annotation)[0] | None], []  # type: ignore[misc]  # the type is known only now
    return Any, None if field.is_required() else field.get_default(call_default_factory=True)


def checked_arguments(
    factory: Callable[..., Any],
    arguments: Mapping[str, object],
    path: Path,
    locate: Locate,
    supplied: Collection[str] = (),
    others: Collection[str] = (),
    adapt: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """Check the arguments that a recipe gives to a part against the signature of its factory.

    Args:
        factory: Function or dataclass; its annotations (with `pydantic.Field` ranges) and defaults say what is allowed.
        arguments: The part's keys except `name`.
        path: The path of the part in the recipe.
        locate: See `checked`.
        supplied: Parameters that the caller supplies (image shape, data path); a recipe cannot set them.
        others: Keys that the part has besides its arguments, for the message about an unknown one.
        adapt: Changes the type of each argument, where the range depends on what the part is for.
    Returns:
        Every argument with its value, defaults included.
    Raises:
        SeveralMistakes: Unknown keys, wrong types or values out of range, one line each.
    """
    model = make_argument_model(factory, frozenset(supplied), adapt)
    try:
        values = model.model_validate(dict(arguments))
    except ValidationError as error:
        raise SeveralMistakes(explain(model, error, path, locate, others)) from None
    return {name: getattr(values, name) for name in type(values).model_fields}


def make_argument_model(factory: Callable[..., Any], supplied: Collection[str] = (), adapt: Callable[[Any], Any] | None = None) -> type[BaseModel]:
    """Return the pydantic model of a factory's parameters, without the `supplied` ones; `adapt` may change their types."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(factory, eval_str=True).parameters.values():
        if parameter.name in supplied:
            continue
        if parameter.annotation is parameter.empty or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise UserError(
                f"{factory.__module__}.{factory.__name__}: expected a plain parameter with a type, such as 'width: int = 64', got '{parameter}'"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (adapt(parameter.annotation) if adapt else parameter.annotation, default)
    return create_model(factory.__name__, __base__=Strict, **fields)


def expect_choice(place: str, received: object, choices: Collection[str]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        UserError: The message lists the choices and suggests the nearest.
    """
    if received not in choices:
        raise UserError(f"{place}: expected one of {', '.join(choices)}, got {received!r}{did_you_mean(received, choices)}")


def explain(model: type[BaseModel], error: ValidationError, path: Path, locate: Locate, others: Collection[str] = ()) -> list[Mistake]:
    """Return the mistakes of a pydantic validation, one for each place.

    A key that is missing because it is misspelled is one mistake: the unknown key, at its own line.

    Args:
        model: What was expected.
        error: What pydantic found.
        path: The path of the data in the input.
        locate: See `checked`.
        others: Keys that are allowed besides the model's own.
    """
    schema = model.model_json_schema()
    mistakes: dict[Path, Mistake] = {}
    missing: dict[Path, Mistake] = {}
    meant: set[Path] = set()
    for details in error.errors(include_url=False):
        node, walked = _walk(schema, details["loc"])
        place = path + walked
        if details["type"] == "extra_forbidden":
            keys = [*others, *_choose_branch(node, schema).get("properties", {})]
            unknown = (*place, details["loc"][len(walked)])
            mistakes.setdefault(unknown, Mistake(unknown, describe_unknown_key(unknown, keys, locate)))
            meant.add((*place, find_nearest(unknown[-1], keys) or ""))
        elif details["type"] == "missing":
            misspelled = _find_misspelled(details, schema)
            given = place if misspelled is None else (*place[:-1], misspelled)
            allowed = f"missing; expected {describe_allowed(node, schema)}" if misspelled is None else f"unknown key; did you mean {place[-1]!r}?"
            missing.setdefault(place, Mistake(given, f"{locate(given if misspelled else place[:-1])}: {dotted(given)}: {allowed}"))
        else:
            mistakes.setdefault(place, Mistake(place, f"{_format_place(place, locate)}: {_describe_value(details, node, schema)}"))
    return [*mistakes.values(), *(mistake for place, mistake in missing.items() if place not in meant)]


def _find_misspelled(details: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return the key that stands for a missing one, where further keys are allowed: `nmae` for `name` among a part's arguments."""
    *outer, missing = details["loc"]
    node = _choose_branch(_walk(schema, tuple(outer))[0], schema)
    others = [key for key in details["input"] if isinstance(key, str) and key not in node.get("properties", {})]
    return find_nearest(missing, others) if node.get("additionalProperties") is True else None


def _format_place(place: Path, locate: Locate) -> str:
    return f"{locate(place)}: {dotted(place)}" if place else locate(place)


def _describe_value(details: Mapping[str, Any], node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Describe a wrong value: what is allowed and what was received, or the words of its own check."""
    if details["type"] == "value_error":
        return one_line(details["ctx"]["error"])
    if details["type"] == "invalid_key" or details["loc"][-1:] == ("[key]",):
        return f"expected a text as a key, got {one_line(repr(details['input']), 80)}"
    suggestion = did_you_mean(details["input"], _list_choices(node, schema), cutoff=0.6)  # stricter, as the message lists all of them
    return f"expected {describe_allowed(node, schema)}, got {one_line(repr(details['input']), 80)}{suggestion}"


def _list_choices(node: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the texts that a JSON-schema node allows one by one."""
    node = _resolve(node, schema)
    choices = [node["const"]] if "const" in node else node.get("enum", [])
    inner = [text for choice in node.get("anyOf", ()) for text in _list_choices(choice, schema)]
    return [choice for choice in choices if isinstance(choice, str)] + inner


def describe_unknown_key(place: Path, keys: Collection[str], locate: Locate) -> str:
    """Return the message about a key that is none of the allowed ones; the last step of its path is the key."""
    names = f"allowed: {', '.join(keys)}" if keys else "it takes no arguments"
    return f"{locate(place)}: {dotted(place)}: unknown key{did_you_mean(str(place[-1]), keys)} ({names})"


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


def _walk(schema: Mapping[str, Any], loc: tuple[int | str, ...]) -> tuple[Mapping[str, Any], Path]:
    """Follow an error's location into the schema; stop where pydantic's labels for the branches of a union begin."""
    node: Mapping[str, Any] = schema
    walked: list[str | int] = []
    for key in loc:
        branch = _choose_branch(_resolve(node, schema), schema)
        step = branch.get("items") if isinstance(key, int) else branch.get("properties", {}).get(key)
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
