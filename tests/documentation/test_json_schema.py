"""The JSON Schema accepts what the loader accepts and refuses what it refuses, and says what each key means."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.documentation.json_schema import make_recipe_schema
from kcifar.documentation.keys import list_recipe_keys, list_stage_keys
from kcifar.documentation.parts import KINDS
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.recipe.shipped import find_shipped_path, list_shipped_names
from kcifar.recipe.yaml_file import read_yaml

SCHEMA = make_recipe_schema()
VALIDATOR = Draft7Validator(SCHEMA)
STAGE = {"name": "learn", "epochs": 1, "learning_rate": 0.1}
VALUES: list[Any] = [None, True, -1, 0.5, 3, 10**6, "text", [], ["text"], {}, {"name": "text"}, {"value": -1}, {"value": 0.5, "layers": 3}]


def errors(recipe: Any) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(recipe)]


def test_the_schema_is_valid_itself() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", list_shipped_names())
def test_every_shipped_recipe_is_valid(name: str) -> None:
    data, _ = read_yaml(find_shipped_path(name))
    assert errors(data) == []
    assert errors(make_plan(load_recipe(name)).to_dict()) == []


def test_the_recipes_of_the_tests_are_valid() -> None:
    assert errors(tiny_recipe()) == []


SHORT_FORMS = {"learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0, "ema": 0.9, "sam": 0.1, "early_stopping": 3, "init_from": "runs/a"}


@pytest.mark.parametrize("key", SHORT_FORMS)
def test_short_forms_are_valid_and_checked(key: str) -> None:
    assert errors(tiny_recipe(stages=[STAGE | {key: SHORT_FORMS[key]}])) == []
    for wrong in (True, -1):
        assert errors(tiny_recipe(stages=[STAGE | {key: wrong}])) != []


INVALID = [
    {"sede": 1},
    {"name": "a/b"},
    {"seed": -1},
    {"model": {"name": "resnet81"}},
    {"model": {"name": "resnet18", "widths": [1]}},
    {"model": {}},
    {"dataset": {"name": "digits", "image_size": 3}},
    {"dataset": {"name": "digits", "validation": 1.5}},
    {"input": {"normalisation": "unit"}},
    {"stages": []},
    {"stages": [STAGE | {"frozen": 1}]},
    {"stages": [{"name": "learn", "epochs": 1}]},
    {"stages": [{"epochs": 1, "learning_rate": 0.1}]},
    {"stages": [STAGE | {"learning_rate": 0}]},
    {"stages": [STAGE | {"learning_rate": {"name": "cosine"}}]},
    {"stages": [STAGE | {"learning_rate": {"name": "cosine", "value": 0.1, "every": 3}}]},
    {"stages": [STAGE | {"learning_rate": {"name": "cosine", "value": 0.1, "warm_up": "5 weeks"}}]},
    {"stages": [STAGE | {"learning_rate": {"value": 0.1}}]},
    {"stages": [STAGE | {"optimizer": "adam"}]},
    {"stages": [STAGE | {"optimizer": {"name": "sgd", "beta_1": 0.9}}]},
    {"stages": [STAGE | {"augmentation": [{"name": "one_of", "operations": [{"name": "mixup", "beta": 1}]}]}]},
    {"stages": [STAGE | {"augmentation": [{"name": "one_of"}]}]},
    {"stages": [STAGE | {"augmentation": {"name": "mixup"}}]},
    {"stages": [STAGE | {"ema": {"warm_up": True}}]},
    {"stages": [STAGE | {"rate_multipliers": [{"value": 1}]}]},
    {"defaults": {"name": "x"}},
    {"extend": ""},
]


@pytest.mark.parametrize("changes", INVALID, ids=str)
def test_what_the_loader_refuses_is_refused(changes: dict[str, Any]) -> None:
    recipe = tiny_recipe(**changes)
    assert errors(recipe) != []
    with pytest.raises(UserError):
        make_plan(load_recipe(recipe))


@pytest.mark.parametrize("missing", ["name", "dataset", "model", "stages"])
def test_a_recipe_lacks_nothing_unless_it_extends_another(missing: str) -> None:
    recipe = tiny_recipe()
    del recipe[missing]
    assert errors(recipe) != []
    assert (errors(recipe | {"extend": "other.yaml"}) == []) == (missing != "name")


# Where the two differ on purpose: the loader alone knows files and the upper end of epochs, and takes `true` for 1 view.
DIFFERENT = {("epochs", 10**6), ("views", True), ("extend", "text")}


def _settings() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for key in list_recipe_keys():
        yield from ((key.path, value, tiny_recipe(**{key.path: copy.deepcopy(value)})) for value in VALUES)
    for key in list_stage_keys():
        yield from ((key.path, value, tiny_recipe(stages=[STAGE | {key.path: copy.deepcopy(value)}])) for value in VALUES)


def test_schema_and_loader_agree_on_any_value_of_any_key() -> None:
    different = []
    for key, value, recipe in _settings():
        if repr((key, value)) not in map(repr, DIFFERENT) and (errors(recipe) == []) != _loads(recipe):
            different.append((key, value))
    assert different == []


def _loads(recipe: dict[str, Any]) -> bool:
    try:
        make_plan(load_recipe(recipe))
    except UserError:
        return False
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {"defaults": {"learning_rate": {"end": 0.0}}},
        {"defaults": {"optimizer": {"momentum": 0.5}}},
        {"defaults": {"ema": {"warm_up": False}, "l2": None}},
        {"model": {"dropout_rate": 0.1}},
        {"dataset": {"validation": 0}},
        {"stages": [{"name": "train", "epochs": 3}]},
    ],
    ids=str,
)
def test_a_recipe_that_extends_another_says_only_what_changes(changes: dict[str, Any]) -> None:
    assert errors({"name": "mine", "extend": "other.yaml", **changes}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"defaults": {"learning_rate": {"ende": 0.0}}},
        {"defaults": {"optimizer": {"name": "sgd", "beta_1": 0.5}}},
        {"defaults": {"augmentation": [{"probability": 0.1}]}},
        {"stages": [{"name": "train", "learning_rate": {"end": 0.0}}]},
        {"stages": [{"name": "train", "ema": {"warm_up": False}}]},
        {"model": {"depht": 3}},
        {"seed": "x"},
    ],
    ids=str,
)
def test_what_an_extending_recipe_writes_is_checked(changes: dict[str, Any]) -> None:
    assert errors({"name": "mine", "extend": "other.yaml", **changes}) != []


def test_hover_texts_are_the_descriptions() -> None:
    definitions = SCHEMA["definitions"]
    for keys, name in ((list_recipe_keys(), "Document"), (list_stage_keys(), "Stage"), (list_recipe_keys(), "Document_changes")):
        assert {key.path: definitions[name]["properties"][key.path]["description"] for key in keys} == {key.path: key.meaning for key in keys}
    cosine = next(rule for rule in definitions["schedule"]["allOf"] if rule["if"]["properties"]["name"]["const"] == "cosine")
    assert cosine["then"]["properties"]["end"]["description"]
    for kind in KINDS:
        assert definitions[kind]["properties"]["name"]["enum"] == KINDS[kind].registry.names()
