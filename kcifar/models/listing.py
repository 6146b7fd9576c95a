"""What the zoo holds, as rows: a row a network, a row an argument."""

import inspect
import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from kcifar.core.checks import allowed, argument_model, checked_arguments
from kcifar.core.errors import UserError, one_line
from kcifar.core.registry import Factory
from kcifar.models import MODELS
from kcifar.models.build import SUPPLIED, sketch, sketch_model
from kcifar.models.summary import model_summary
from kcifar.recipe.yaml_file import parse_yaml

SIZES = ("parameters", "trainable_parameters", "bytes", "multiply_accumulates")


def network_rows(image_shape: tuple[int, int, int], num_classes: int) -> list[dict[str, Any]]:
    """Sketch every registered network.

    Args:
        image_shape: Height, width, channels.
        num_classes: Number of logits.
    Returns:
        A row a network, by family and then by size: `name`, `family`, the numbers of `model_summary`, `layers` (their count) and
        `refused`. Where a network cannot be built for such images, `refused` says why and the numbers are None.
    """
    rows = [_network_row(name, image_shape, num_classes) for name in MODELS.names()]
    return sorted(rows, key=lambda row: (row["family"], row["parameters"] or 0, row["name"]))


def _network_row(name: str, image_shape: tuple[int, int, int], num_classes: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "family": family(MODELS.get(name))}
    try:
        summary = model_summary(sketch_model(name, image_shape, num_classes))
    except Exception as error:  # a user's own builder may raise anything; the list goes on
        reason = one_line(error).removeprefix(f"{name}: ")
        told = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        return row | dict.fromkeys((*SIZES, "layers")) | {"refused": told}
    return row | {key: summary[key] for key in SIZES} | {"layers": len(summary["layers"]), "refused": None}


def facts(name: str) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Return a registered network's family, provenance and own arguments."""
    factory = MODELS.get(name)
    return family(factory), provenance(factory), argument_rows(factory)


def family(factory: Factory) -> str:
    """Return the name of the file that registers a network: of `kcifar/models/`, or of the user's own."""
    return factory.__module__.rsplit(".", 1)[-1].removeprefix("kcifar_user_")


def provenance(factory: Factory) -> str:
    """Return what the file of a network says on top: the first two paragraphs, where the paper is named."""
    text = inspect.cleandoc(getattr(sys.modules.get(factory.__module__), "__doc__", None) or factory.__doc__ or "")
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)[:2] if not paragraph.startswith((" ", "Args:"))]
    return "\n".join(paragraphs)


def argument_rows(factory: Factory) -> list[tuple[str, str, str]]:
    """Return name, default and allowed values of each argument that a recipe can give to a network."""
    schema = argument_model(factory, frozenset(SUPPLIED)).model_json_schema()
    required = schema.get("required", ())
    return [
        (name, "required" if name in required else written(node.get("default")), _allowed(node, schema))
        for name, node in schema.get("properties", {}).items()
    ]


def written(value: Any) -> str:
    """Write a value as `--set` takes it: lists in brackets, texts without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _allowed(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    items = f", each {allowed(node['items'], schema)}" if "items" in node else ""
    return allowed(node, schema) + items


def chosen_summary(name: str, image_shape: tuple[int, int, int], num_classes: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return `model_summary` of a network whose arguments are checked already; no weights are made."""
    factory = MODELS.get(name)
    return model_summary(sketch(lambda: factory(image_shape, num_classes, **arguments)))


def chosen_arguments(name: str, settings: list[str]) -> dict[str, Any]:
    """Check `--set key=value` texts against the builder's arguments.

    Args:
        name: Of a registered network.
        settings: "key=value", the value as in a recipe: "widths=[8, 8]".
    Returns:
        Every argument with its value, defaults filled in.
    Raises:
        UserError: No such network or argument, or a value out of range.
    """
    factory = MODELS.get(name)
    given = dict(_parsed_setting(text) for text in settings)
    places = {text.partition("=")[0]: f"--set {one_line(text, 80)}" for text in settings}
    return checked_arguments(factory, given, (), lambda path: places.get(str(path[0]), name) if path else name, SUPPLIED)


def _parsed_setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--set {one_line(text, 80)}: expected key=value, got {one_line(text, 80)!r}")
    return key, parse_yaml(value, f"--set {one_line(text, 80)}")[0]
