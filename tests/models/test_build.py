"""The arguments of builders are bounded: no recipe fills the memory, and an impossible network is one line of kcifar's, not of Keras."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model_battery import IMAGE_SHAPE, SMALL, Subject
from places import SUPPORT
from published_parameters import GENERAL

from kcifar.core.checks import make_argument_model
from kcifar.core.errors import UserError
from kcifar.models import MODELS, build
from kcifar.models.arguments import MAX_IMAGE_SIZE
from kcifar.models.build import build_model, sketch_model
from kcifar.models.resnet import cifar_resnet
from kcifar.models.variants import register_variant

Schema = dict[str, Any]

# The variants of a family have the same arguments, except those that they fix.
BUILDERS = sorted({*GENERAL, *(subject.name for subject in SMALL.values())})


def schema_of(name: str) -> Schema:
    return make_argument_model(MODELS.get(name), MODELS.supplied).model_json_schema()


def unbounded(node: Schema, path: str) -> Iterator[str]:
    """Yield the places of a schema where a recipe may write something of any size."""
    kind = node.get("type")
    if kind in ("integer", "number"):
        if not ({"minimum", "exclusiveMinimum"} & node.keys() and {"maximum", "exclusiveMaximum"} & node.keys()):
            yield path
    elif kind == "array":
        if "maxItems" not in node:
            yield path
        yield from unbounded(node.get("items", {}), f"{path}[]")
    elif "anyOf" in node:
        for branch in node["anyOf"]:
            yield from unbounded(branch, path)
    elif not ({"enum", "const"} & node.keys() or kind in ("boolean", "null")):
        yield path


def out_of_bounds(node: Schema) -> Iterator[Any]:
    """Yield values just outside the range of a schema's node: too small, too large, too long."""
    if node.get("type") == "array":
        sound = node["items"]["maximum"]
        yield [sound] * (node["maxItems"] + 1)
        for value in out_of_bounds(node["items"]):
            yield [value]
    elif node.get("type") in ("integer", "number"):
        yield node["minimum"] - 1 if "minimum" in node else node["exclusiveMinimum"]
        yield node["maximum"] + 1 if "maximum" in node else node["exclusiveMaximum"]


@pytest.mark.parametrize("name", MODELS.names())
def test_every_number_and_list_has_an_end(name: str) -> None:
    schema = schema_of(name)
    assert "$defs" not in schema, "this test follows no references"
    assert [place for key, node in schema["properties"].items() for place in unbounded(node, key)] == []


def test_an_argument_without_an_end_is_seen() -> None:
    nodes = [
        {"type": "integer", "minimum": 1},
        {"type": "number", "maximum": 1},
        {"type": "string"},
        {"type": "object"},
        {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 2}},
        {"type": "array", "maxItems": 3, "items": {"type": "integer"}},
        {"anyOf": [{"type": "null"}, {"type": "integer"}]},
    ]
    assert [list(unbounded(node, "it")) for node in nodes] == [["it"], ["it"], ["it"], ["it"], ["it"], ["it[]"], ["it"]]


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_out_of_bounds_is_refused_before_anything_is_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "sketch", lambda make: pytest.fail("drawn"))
    for argument, node in schema_of(name)["properties"].items():
        for value in out_of_bounds(node):
            with pytest.raises(UserError) as caught:
                build_model(name, IMAGE_SHAPE, 10, **{argument: value})
            assert str(caught.value).startswith(f"{name}: {argument}"), caught.value
            assert ": expected " in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", MODELS.names())
def test_networks_without_classes_are_refused(name: str) -> None:
    for num_classes in (0, -1):
        with pytest.raises(UserError, match=rf"^{name}: num_classes: expected an integer > 0, got {num_classes}$"):
            build_model(name, IMAGE_SHAPE, num_classes)


@pytest.mark.parametrize("subject", SMALL.values(), ids=SMALL.keys())
def test_more_classes_than_memory_are_refused(subject: Subject) -> None:
    with pytest.raises(UserError, match=rf"^{subject.name}: expected a network of at most 500,000,000 parameters, got [\d,]+$"):
        build_model(subject.name, IMAGE_SHAPE, 10**9, **subject.arguments)


# Each side alone, the smallest photographs, those of other data sets, odd ones, and ones that would fill the memory.
COMMON = [(32, 32), (32, 64), (64, 64), (96, 96), (224, 224)]
RARE = [(0, 32), (32, -1), (1, 1), (5, 32), (24, 24), (28, 28), (33, 31), (1024, 1024), (1025, 32), (9999, 9999)]


@pytest.mark.parametrize("size", [*COMMON, *RARE], ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("subject", SMALL.values(), ids=SMALL.keys())
def test_an_image_size_works_or_is_one_line(subject: Subject, size: tuple[int, int]) -> None:
    refused = refusal(subject.name, (*size, 3), subject.arguments)
    assert not (refused and size in COMMON), refused
    assert refused or 1 <= min(size) <= max(size) <= MAX_IMAGE_SIZE


def refusal(name: str, image_shape: tuple[int, int, int], arguments: dict[str, Any]) -> str:
    """Return the message that refuses a network, or nothing if it is sketched."""
    try:
        network = sketch_model(name, image_shape, 10, **arguments)
    except UserError as error:
        line = str(error)
    else:
        assert network.output_shape == (None, 10)
        return ""
    assert line.startswith(f"{name}: ")
    assert "expected " in line
    assert "\n" not in line
    return line


def within_bounds(node: Schema) -> Iterator[Any]:
    """Yield the smallest and the largest value that a schema's node allows, and every word."""
    if node.get("type") == "array":
        for value in within_bounds(node["items"]):
            for length in {node.get("minItems", 0), len(node["default"]), node["maxItems"]}:
                yield [value] * length
    elif node.get("type") == "integer":
        yield from (node.get("minimum", 1), node["maximum"])
    elif node.get("type") == "number":
        yield node["minimum"] if "minimum" in node else node["exclusiveMinimum"] + 1e-6
        yield node["maximum"] if "maximum" in node else node["exclusiveMaximum"] - 1e-6
    yield from node.get("enum", [])


@pytest.mark.zoo
@pytest.mark.parametrize("name", BUILDERS)
def test_an_argument_at_its_end_works_or_is_one_line(name: str) -> None:
    for argument, node in schema_of(name)["properties"].items():
        lines = [refusal(name, IMAGE_SHAPE, {argument: value}) for value in within_bounds(node)]
        # Refused for what the others are, such as a number of groups: never all of them.
        assert "" in lines or node.get("type") == "boolean", (argument, lines)


# Raises every width to its largest, in a separate process: the peak of memory belongs to the process, and never falls.
WIDEST = """
import json, resource, sys
sys.path[:0] = sys.argv[1:]
import keras
from test_build import widest
from kcifar.core.errors import UserError
from kcifar.models import build

build.MAX_PARAMETERS = 100_000_000  # of some families the widest has fewer than the true bound
keras.layers.Dense(1).build((1, 1))  # the backend is awake
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, messages = peak(), {}
for name, arguments in widest():
    try:
        build.build_model(name, (32, 32, 3), 10, **arguments)
    except UserError as refused:
        messages[name] = str(refused)
print(json.dumps([(peak() - before) / (1024 if sys.platform == "linux" else 2**20), messages]))
"""


def widest() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the networks that take widths, and all their widths at the largest."""
    for name in BUILDERS:
        arguments = {}
        for key, node in schema_of(name)["properties"].items():
            if node.get("maximum") == 8192:
                arguments[key] = 8192
            elif node.get("items", {}).get("maximum") == 8192:
                arguments[key] = [8192] * len(node["default"])
        if arguments:
            yield name, arguments


def test_a_network_too_large_takes_no_memory() -> None:
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", WIDEST, str(SUPPORT), str(Path(__file__).parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    megabytes, messages = json.loads(done.stdout.splitlines()[-1])
    assert megabytes < 200
    assert set(messages) == {name for name, _ in widest()} > {"residual_cnn", "vgg"}
    for name, message in messages.items():
        assert message.startswith(f"{name}: expected a network of at most 100,000,000 parameters, got ")


def test_a_variant_fixes_only_arguments_that_its_builder_has() -> None:
    with pytest.raises(ValueError, match=r"^resnet21: cifar_resnet has no argument deph$"):
        register_variant("resnet21", cifar_resnet, deph=21)
    assert "resnet21" not in MODELS.names()
