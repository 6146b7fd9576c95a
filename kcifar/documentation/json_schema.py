"""The JSON Schema of recipe files, for editors: `# yaml-language-server: $schema=recipe.schema.json` in a recipe.

It is what pydantic derives from the recipe's models, with the short forms (a number for a schedule) and with the registered parts,
each name with its own arguments. Draft 7, which every YAML language server knows. A recipe that extends another may leave keys
out wherever mappings are merged, hence a second set of definitions; lists, which are replaced, are checked in full by the first.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from annotated_types import Interval

from kcifar.documentation.docstrings import read_summary
from kcifar.documentation.model_schemas import make_definitions
from kcifar.documentation.parts import KINDS, find_kind
from kcifar.recipe.document import Document
from kcifar.recipe.stage_settings import SCHEDULE_PARTS, Stage, StageSettings

DRAFT = "http://json-schema.org/draft-07/schema#"
CHANGES = "_changes"  # ends the names of the definitions for a recipe that extends another


def _describe_interval(interval: Interval) -> dict[str, Any]:
    words = {"exclusiveMinimum": interval.gt, "minimum": interval.ge, "exclusiveMaximum": interval.lt, "maximum": interval.le}
    return {"type": "number", **{word: limit for word, limit in words.items() if limit is not None}}


# What a number may be where it stands for the schedule {name: constant, value: number}.
_NUMBERS: dict[str, dict[str, Any]] = {part.__name__: _describe_interval(part.CONSTANT) for part in SCHEDULE_PARTS}
_UNUSED = ("title", "allowed", "short_form")  # pydantic's titles repeat the names of the keys; the others are read by this package
_ANNOTATIONS = ("description", "default", "examples")


def make_recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file, plain containers."""
    models = make_definitions([Document, StageSettings, Stage])
    return {
        "$schema": DRAFT,
        "title": "kcifar recipe",
        "type": "object",
        "if": {"required": ["extend"]},
        "then": _refer_to("Document", CHANGES),
        "else": _refer_to("Document", ""),
        "definitions": dict([*_make_definitions(models, ""), *_make_definitions(models, CHANGES)]),
    }


def _make_definitions(models: Mapping[str, Any], suffix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rewriter = _Rewriter(models, suffix)
    for name, node in models.items():
        if find_kind(name) is None:
            yield name + suffix, rewriter.rewrite_definition(name, node)
    for name, number in _NUMBERS.items():
        yield name + suffix, {"anyOf": [number, _refer_to("schedule", suffix)]}
    for kind in KINDS:
        yield kind + suffix, rewriter.make_part(kind)


def _refer_to(name: str, suffix: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}{suffix}"}


class _Rewriter:
    """Turns pydantic's definitions into those of the file's schema.

    Args:
        models: Pydantic's definitions, by the name of the class.
        suffix: "", or `CHANGES` for mappings that are merged into those of another file.
    """

    def __init__(self, models: Mapping[str, Any], suffix: str) -> None:
        self._models, self._suffix = models, suffix

    def rewrite_definition(self, name: str, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the definition of a class; its docstring, which is written for messages, is left out."""
        result = self.rewrite_node({key: value for key, value in node.items() if key != "description"}, name)
        if name == "Stage":
            result["required"] = ["name"]  # the others may be in `defaults`
        if name == "Document":
            result |= _make_document_rules(self._suffix)
            result["properties"]["defaults"]["allOf"] = [_refer_to("StageSettings", self._suffix)]
            result["properties"]["stages"]["items"] = _refer_to("Stage", "")
            result["properties"]["extend"] = {"type": "string", "minLength": 1} | _pick_annotations(node["properties"]["extend"], "default")
        return result

    def rewrite_node(self, node: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Return a node, and all inside it, for the key that it describes."""
        if "$ref" in node:
            return self._rewrite_reference(node, key)
        result = {word: value for word, value in node.items() if word not in _UNUSED}
        if self._suffix:
            result.pop("required", None)
        if "properties" in node:
            result["properties"] = {name: self.rewrite_node(field, name) for name, field in node["properties"].items()}
        if "anyOf" in node:
            result["anyOf"] = [self.rewrite_node(choice, key) for choice in node["anyOf"]]
        if "items" in node:
            result["items"] = _Rewriter(self._models, "").rewrite_node(node["items"], key)
        return result

    def _rewrite_reference(self, node: Mapping[str, Any], key: str) -> dict[str, Any]:
        name = str(node["$ref"]).rsplit("/", 1)[-1]
        target = name if name in _NUMBERS else find_kind(name) or name
        choices = [_refer_to(target, self._suffix)]
        if "short_form" in node:
            choices.insert(0, self.rewrite_node(_drop_words(self._models[name]["properties"][node["short_form"]], _ANNOTATIONS), key))
        return {"anyOf": choices, **_pick_annotations(node)}

    def make_part(self, kind: str) -> dict[str, Any]:
        """Return the definition of a kind of part: a name, and the arguments that go with it."""
        names = KINDS[kind].registry.names()
        base = {key: self.rewrite_node(node, key) for key, node in KINDS[kind].make_base_schema().items()}
        name = {"enum": names, "description": f"Name of the {KINDS[kind].registry.kind}."}
        arguments = {part: self.rewrite_node(KINDS[kind].make_argument_schema(part), part) for part in names}
        rules = [_make_rule(part, read_summary(KINDS[kind].registry.get(part)), node, base) for part, node in arguments.items()]
        if not self._suffix:
            return {"type": "object", "required": ["name"], "properties": {"name": name}, "allOf": rules}
        unnamed = {
            "if": {"not": {"required": ["name"]}},
            "then": {"properties": base | _merge_arguments(arguments.values()), "additionalProperties": False},
        }
        return {"type": "object", "properties": {"name": name}, "allOf": [*rules, unnamed]}


def _make_rule(name: str, description: str, arguments: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule for the arguments of the part of that name."""
    required = {"required": arguments["required"]} if "required" in arguments else {}
    then = {"description": description, "properties": {"name": True, **base, **arguments.get("properties", {})}, "additionalProperties": False}
    return {"if": {"required": ["name"], "properties": {"name": {"const": name}}}, "then": then | required}


def _merge_arguments(arguments: Any) -> dict[str, Any]:
    """Return every argument that a part of some kind takes, with all that it may be in one of them."""
    merged: dict[str, list[Any]] = {}
    for node in arguments:
        for key, field in node.get("properties", {}).items():
            if field not in merged.setdefault(key, []):
                merged[key].append(field)
    return {key: {"anyOf": fields} for key, fields in merged.items()}


def _make_document_rules(suffix: str) -> dict[str, Any]:
    """Return what a recipe must have; without `extend`, each stage's epochs and learning rate in itself or in `defaults`."""
    if suffix:
        return {"required": ["name", "extend"]}
    return {"required": ["name", "dataset", "model", "stages"], "allOf": [_require_in_defaults_or_stages(key) for key in ("epochs", "learning_rate")]}


def _require_in_defaults_or_stages(key: str) -> dict[str, Any]:
    in_defaults = {"required": ["defaults"], "properties": {"defaults": {"required": [key]}}}
    return {"if": in_defaults, "else": {"properties": {"stages": {"items": {"required": [key]}}}}}


def _pick_annotations(node: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    return {word: node[word] for word in _ANNOTATIONS if word in node and word not in left_out}


def _drop_words(node: Mapping[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    return {word: value for word, value in node.items() if word not in words}
