"""Rows about the registered networks: one per network with its size, one per argument with its range."""

import gc
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kcifar.core.checks import describe_allowed, make_argument_model
from kcifar.core.errors import UserError, one_line
from kcifar.core.registry import Factory
from kcifar.models import MODELS
from kcifar.models.build import sketch, sketch_model
from kcifar.models.summary import summarize_model
from kcifar.recipe.part_arguments import parse_part_arguments

SIZE_KEYS = ("parameters", "trainable_parameters", "bytes", "multiply_accumulates")


def list_networks(image_shape: tuple[int, int, int], num_classes: int) -> list[dict[str, Any]]:
    """Sketch every registered network; see `sketch_families`."""
    return [row for rows in sketch_families(image_shape, num_classes) for row in rows]


def sketch_families(image_shape: tuple[int, int, int], num_classes: int) -> Iterator[list[dict[str, Any]]]:
    """Sketch every registered network and yield the rows of each family as soon as they are there.

    Args:
        image_shape: Height, width, channels.
        num_classes: Number of logits.
    Yields:
        A family, sorted by size; the families by name. A row has `name`, `family`, the numbers of `summarize_model`, `layers` (their
        count) and `refused`. Where a network cannot be built for such images, `refused` says why and the numbers are None.
    """
    families: dict[str, list[str]] = {}
    for name in MODELS.names():
        families.setdefault(find_family(MODELS.get(name)), []).append(name)
    for family in sorted(families):
        with _pause_garbage_collection():
            rows = [_make_row(name, image_shape, num_classes) for name in families[family]]
        yield sorted(rows, key=lambda row: (row["parameters"] or 0, row["name"]))


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Collect no garbage inside the block: layers are many small objects that live on, and looking at them takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _make_row(name: str, image_shape: tuple[int, int, int], num_classes: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "family": find_family(MODELS.get(name))}
    try:
        summary = summarize_model(sketch_model(name, image_shape, num_classes))
    except Exception as error:  # a user's own builder may raise anything; the list continues
        message = one_line(error).removeprefix(f"{name}: ")
        reason = message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"
        return row | dict.fromkeys((*SIZE_KEYS, "layers")) | {"refused": reason}
    return row | {key: summary[key] for key in SIZE_KEYS} | {"layers": len(summary["layers"]), "refused": None}


def describe_network(name: str) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Return a registered network's family, provenance and own arguments."""
    factory = MODELS.get(name)
    return find_family(factory), find_provenance(factory), list_arguments(factory)


def find_family(factory: Factory) -> str:
    """Return the name of the file that registers a network, in `kcifar/models/` or the user's own."""
    return factory.__module__.rsplit(".", 1)[-1].removeprefix("kcifar_user_")


def find_provenance(factory: Factory) -> str:
    """Return the first two paragraphs at the top of a network's file, which name the paper."""
    text = inspect.cleandoc(getattr(sys.modules.get(factory.__module__), "__doc__", None) or factory.__doc__ or "")
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)[:2] if not paragraph.startswith((" ", "Args:"))]
    return "\n".join(paragraphs)


def list_arguments(factory: Factory) -> list[tuple[str, str, str]]:
    """Return name, default and allowed values of each argument that a recipe can set."""
    schema = make_argument_model(factory, MODELS.supplied).model_json_schema()
    required = schema.get("required", ())
    return [
        (name, "required" if name in required else format_value(node.get("default")), _describe_allowed(node, schema))
        for name, node in schema.get("properties", {}).items()
    ]


def format_value(value: Any) -> str:
    """Write a value as `--set` expects it: lists in brackets, texts without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _describe_allowed(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    items = f", each {describe_allowed(node['items'], schema)}" if "items" in node else ""
    return describe_allowed(node, schema) + items


def summarize_network(name: str, image_shape: tuple[int, int, int], num_classes: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return `summarize_model` of a registered network with arguments that are checked already; no weights are allocated."""
    factory = MODELS.get(name)
    return summarize_model(sketch(lambda: factory(image_shape, num_classes, **arguments)))


def parse_arguments(name: str, settings: list[str]) -> dict[str, Any]:
    """Return the arguments of a registered network, from `--set` texts and its defaults; see `parse_part_arguments`."""
    return parse_part_arguments(MODELS.get(name), settings, name, MODELS.supplied)
