"""Every key and argument is described where it is declared; what is printed of them is what is checked."""

from typing import Any

import pytest
import yaml
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.documentation.docstrings import read_argument_descriptions
from kcifar.documentation.keys import NONE, REQUIRED, Key, find_keys, list_base_keys, list_part_keys, list_recipe_keys, list_stage_keys, walk_keys
from kcifar.documentation.markdown import make_key_tables
from kcifar.documentation.parts import KINDS
from kcifar.planning.plan import make_plan
from kcifar.recipe.document import Document
from kcifar.recipe.load import load_recipe
from kcifar.recipe.stage_settings import Stage

RECIPE = list(walk_keys(list_recipe_keys()))
STAGE = list(walk_keys(list_stage_keys()))
MAPPINGS = {"dataset.validation", "dataset.imbalance", "input.normalization"}


def test_every_key_is_there_once() -> None:
    assert [key.path for key in list_recipe_keys()] == list(Document.model_fields)
    assert sorted(key.path for key in list_stage_keys()) == sorted(Stage.model_fields)
    assert {key.path for key in RECIPE if "." in key.path} == MAPPINGS
    inside = {"weight_decay": 3, "l1": 2, "l2": 2, "sam": 1, "lookahead": 2, "ema": 2, "rate_multipliers": 2, "early_stopping": 4, "init_from": 3}
    assert {key.path: len(key.nested) for key in STAGE if key.nested} == inside


@pytest.mark.parametrize("key", [*RECIPE, *STAGE, *list_base_keys("schedule")], ids=lambda key: key.path)
def test_every_key_has_a_meaning_in_one_or_two_short_sentences(key: Key) -> None:
    assert key.meaning[0].isupper() or key.meaning[0] == "`"
    assert key.meaning.endswith(".")
    assert len(key.meaning) <= 200
    assert key.meaning.count(". ") <= 1
    assert "|" not in key.meaning
    assert key.allowed != "a value"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in KINDS[kind].registry.names()])
def test_every_argument_of_every_part_is_described(kind: str, name: str) -> None:
    keys = list_part_keys(kind, name)
    assert [key.path for key in keys if not key.meaning] == []
    assert [key.path for key in keys if key.allowed == "a value"] == []


def test_descriptions_of_arguments_come_from_the_docstring() -> None:
    def part(width: int, height: int = 3) -> None:
        """Make a part.

        More of it.

        Args:
            width: Pixels: how many,
                in a row.
            height: Pixels.
        Returns:
            A part.
        """

    assert read_argument_descriptions(part) == {"width": "Pixels: how many, in a row.", "height": "Pixels."}
    assert read_argument_descriptions(lambda: None) == {}


def _keys_with_examples() -> list[tuple[Key, str]]:
    top = [key for key in (*RECIPE, *STAGE) if "." not in key.path or key.path in MAPPINGS]
    return [(key, example) for key in top for example in key.examples if key.path not in ("extend", "init_from")]


@pytest.mark.parametrize(("key", "example"), _keys_with_examples(), ids=lambda value: getattr(value, "path", value))
def test_every_example_is_accepted_and_kept(key: Key, example: str) -> None:
    """The resolved recipe has the example's value, and makes the same plan again."""
    value = yaml.safe_load(example)
    if key in RECIPE:
        outer, _, inner = key.path.partition(".")
        changes = {outer: {**tiny_recipe().get(outer, {}), inner: value} if inner else value}
    else:
        changes = {"stages": [{"name": "learn", "epochs": 1, "learning_rate": 0.1, key.path: value}]}
    written = make_plan(load_recipe(tiny_recipe(**changes))).to_dict()
    assert _has({**written, "defaults": written["stages"][0]}, changes)
    assert make_plan(load_recipe(written)).to_dict() == written


def _has(resolved: Any, value: Any) -> bool:
    """Whether a resolved value has what a recipe writes: every key of a mapping; a number may have become a key of a mapping."""
    if isinstance(value, dict):
        return all(_has(resolved[key], part) for key, part in value.items())
    if isinstance(value, list):
        return len(resolved) == len(value) and all(map(_has, resolved, value))
    return any(_has(part, value) for part in resolved.values()) if isinstance(resolved, dict) else bool(resolved == value)


def test_every_key_shows_an_example_or_its_default() -> None:
    assert [key.path for key in (*RECIPE, *STAGE) if not key.examples and key.default in (REQUIRED, NONE)] == []


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("seed", ["seed"]),
        ("name", ["name", "name"]),
        ("stages.name", ["name"]),
        ("stages[1].learning_rate", ["learning_rate"]),
        ("stages.0.ema.decay", ["ema.decay"]),
        ("defaults.weight_decay", ["weight_decay"]),
        ("early_stopping.patience", ["early_stopping.patience"]),
        ("patience", ["early_stopping.patience"]),
        ("validation", ["dataset.validation"]),
        ("monitor", ["monitor"]),
    ],
)
def test_a_key_is_found_by_its_path_or_its_last_word(name: str, paths: list[str]) -> None:
    assert [key.path for key in find_keys(name)] == paths


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weightdecay", "no key 'weightdecay'; did you mean 'weight_decay'?"),
        ("patienc", "no key 'patienc'; did you mean 'patience'?"),
        ("stages.seed", "no key 'stages.seed'"),
        ("", "no key ''"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        find_keys(name)
    assert str(caught.value).startswith(message)
    assert "python -m kcifar.recipes keys lists all" in str(caught.value)


def test_the_printed_defaults_are_those_that_a_recipe_gets() -> None:
    written = {key.path: yaml.safe_load(key.default) for key in list_stage_keys() if key.default not in (REQUIRED, NONE)}
    stage = {"name": "learn", "epochs": 1, "learning_rate": 0.1}
    implied, explicit = (make_plan(load_recipe(tiny_recipe(defaults={}, stages=[entry]))).to_dict() for entry in (stage, stage | written))
    assert implied == explicit
    assert all(implied["stages"][0][key.path] in (None, [], {}) for key in list_stage_keys() if key.default == NONE)
    ours = {key.path: yaml.safe_load(key.default) for key in list_recipe_keys() if key.default not in (REQUIRED, NONE)}
    few = {key: value for key, value in tiny_recipe().items() if key not in ours}
    assert make_plan(load_recipe(few)).to_dict() == make_plan(load_recipe(few | ours)).to_dict()


def test_the_tables_have_a_row_for_each_key() -> None:
    recipe, stage = make_key_tables().split("\n\n")
    assert [row.split("`")[1] for row in recipe.splitlines()[2:]] == [key.path for key in RECIPE]
    assert [row.split("`")[1] for row in stage.splitlines()[2:]] == [key.path for key in STAGE]
    assert all(len(row.split(" | ")) == 3 for row in (*recipe.splitlines(), *stage.splitlines()))
