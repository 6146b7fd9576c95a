"""Recipes: every error is one line with place, allowed and received; a resolved recipe makes the same recipe again."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import RECIPE_TEXT, tiny_recipe

from kcifar.core.errors import UserError
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.recipe.write import format_yaml

# (text in the file, its replacement, the message without the file's name)
MISTAKES = [
    ("seed: 0", "sede: 0", "2: sede: unknown key; did you mean 'seed'? (allowed: name, seed,"),
    ("seed: 0", "seed: -1", "2: seed: expected an integer >= 0 and < 4294967296, got -1"),
    ("seed: 0", "seed: 4294967296", "2: seed: expected an integer >= 0 and < 4294967296, got 4294967296"),
    ("seed: 0", "seed: 0.5", "2: seed: expected an integer >= 0 and < 4294967296, got 0.5"),
    ("seed: 0", "seed: true", "2: seed: expected an integer >= 0 and < 4294967296, got True"),
    ("seed: 0", "precision: float16", "2: precision: expected one of 'auto', 'float32', 'mixed_bfloat16', 'mixed_float16', got 'float16'"),
    ("seed: 0", "select: first", "2: select: expected one of 'last', 'best', got 'first'"),
    ("seed: 0", "input: {normalisation: unit}", "2: input.normalisation: unknown key; did you mean 'normalization'? (allowed: normalization)"),
    ("name: mine", "name: a/b", "1: name: expected a name of letters, digits, '.', '_' and '-', got 'a/b'"),
    ("name: mine\n", "", "1: name: missing; expected a name of letters, digits, '.', '_' and '-'"),
    ("validation: 0.2", "validation: 1.0", "3: dataset.validation: expected an integer >= 0 or a number >= 0 and < 1, got 1.0"),
    ("validation: 0.2", "validation: -1", "3: dataset.validation: expected an integer >= 0 or a number >= 0 and < 1, got -1"),
    ("validation: 0.2", "size: 3", "3: dataset.size: unknown key"),
    ("name: digits", "name: digit", "3: dataset.name: no data set 'digit'; did you mean 'digits'?"),
    ("name: residual_cnn", "name: resnet81", "5: model.name: no model 'resnet81'"),
    (
        "widths: [4, 8]",
        "width: [4, 8]",
        "6: model.width: unknown key; did you mean 'widths'? (allowed: widths, convolutions, dense_units, dropout_rate",
    ),
    ("widths: [4, 8]", "widths: [4, -8]", "6: model.widths[1]: expected an integer > 0 and <= 8192, got -8"),
    ("widths: [4, 8]", "image_shape: 3", "6: model.image_shape: unknown key"),
    ("batch_size: 64", "batch_size: 0", "9: defaults.batch_size: expected an integer > 0, got 0"),
    ("batch_size: 64", "batchsize: 64", "9: defaults.batchsize: unknown key; did you mean 'batch_size'?"),
    ("batch_size: 64", "name: x", "9: defaults.name: unknown key"),
    ("batch_size: 64", "optimizer: adam", "9: defaults.optimizer: expected a mapping with a name"),
    ("batch_size: 64", "optimizer: {name: adma}", "9: defaults.optimizer.name: no optimizer 'adma'; did you mean 'adam'?"),
    ("batch_size: 64", "optimizer: {name: sgd, momentum: 1.0}", "9: defaults.optimizer.momentum: expected a number >= 0 and < 1, got 1.0"),
    ("batch_size: 64", "l2: {value: 1e-4, layer: x}", "9: defaults.l2.layer: unknown key; did you mean 'layers'? (allowed: value, layers)"),
    ("batch_size: 64", "last_batch: pad", "9: defaults.last_batch: expected one of 'keep', 'drop', got 'pad'"),
    (
        "{name: horizontal_flip}",
        "{name: horizontal_flip, probability: 1.5}",
        "11: defaults.augmentation[0].probability: expected a number >= 0 and <= 1, got 1.5",
    ),
    (
        "{name: horizontal_flip}",
        "{name: horizontal_flop}",
        "11: defaults.augmentation[0].name: no augmentation 'horizontal_flop'; did you mean 'horizontal_flip'?",
    ),
    ("{name: horizontal_flip}", "horizontal_flip", "11: defaults.augmentation[0]: expected a mapping with a name"),
    ("epochs: 2", "epochs: many", "13: stages[0].epochs: expected an integer > 0, got 'many'"),
    ("epochs: 2", "epochs: 0", "13: stages[0].epochs: expected an integer > 0, got 0"),
    ("epochs: 2", "epochs: 10001", "13: stages[0].epochs: expected at most 10,000 epochs, got 10001"),
    ("epochs: 2, ", "", "13: stages[0].epochs: missing; expected an integer > 0"),
    ("1e-3", "fast", "13: stages[0].learning_rate: expected a number > 0 or a schedule, such as {name: constant, value: 0.001}, got 'fast'"),
    ("1e-3", "0", "13: stages[0].learning_rate: expected a number > 0"),
    ("1e-3", "{name: constant, value: -1}", "13: stages[0].learning_rate.value: expected a number > 0, got -1"),
    ("1e-3", ".nan", "13: stages[0].learning_rate: expected a number > 0"),
    ("1e-3", "{name: cosinus}", "13: stages[0].learning_rate.name: no schedule 'cosinus'"),
    ("name: refine", "name: learn", "14: stages[1].name: 'learn' is already used by stages[0]"),
    ("    epochs: 1\n", "    epochs: 1\n    frozen: stem\n", "16: stages[1].frozen: unknown key; did you mean 'freeze'?"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_an_error_is_one_line_with_file_line_and_key(recipe_file: Path, old: str, new: str, message: str) -> None:
    assert old in RECIPE_TEXT
    recipe_file.write_text(RECIPE_TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        make_plan(load_recipe(recipe_file))
    assert str(caught.value).startswith(str(recipe_file))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "3", "stages", "- a"])
def test_a_file_that_is_not_a_mapping_is_refused(recipe_file: Path, text: str) -> None:
    recipe_file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="expected a mapping with the keys name, seed"):
        load_recipe(recipe_file)


def test_stages_must_not_be_empty(recipe_file: Path) -> None:
    head = RECIPE_TEXT[: RECIPE_TEXT.index("stages:")]
    recipe_file.write_text(head + "stages: []\n", encoding="utf-8")
    with pytest.raises(UserError, match="12: stages: expected a list of at least 1 item, got"):
        load_recipe(recipe_file)


def test_best_weights_need_a_validation_split() -> None:
    with pytest.raises(UserError, match=re.escape("select: 'best' needs a validation split, got dataset.validation: 0")):
        load_recipe(tiny_recipe(select="best", dataset={"name": "digits", "validation": 0}))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages.1.epochs=many", "--set stages.1.epochs=many: stages[1].epochs: expected an integer > 0, got 'many'"),
        (
            "stages.refin.epochs=2",
            "--set stages.refin.epochs=2: stages: expected 0 to 1 or one of learn, refine, got 'refin'; did you mean 'refine'?",
        ),
        ("stages.2.epochs=2", "--set stages.2.epochs=2: stages: expected 0 to 1 or one of learn, refine, got '2'"),
        ("seed", "expected key.path=value, got 'seed'"),
        ("=3", "expected key.path=value, got '=3'"),
        ("sed=3", "--set sed=3: sed: unknown key; did you mean 'seed'?"),
        ("name.x=3", "--set name.x=3: name: expected a mapping in which to set 'x', got 'mine'"),
        ("model.depth=3", "--set model.depth=3: model.depth: unknown key"),
        ("seed=[1", "not valid YAML"),
    ],
)
def test_overrides_are_checked_like_the_file(recipe_file: Path, override: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        make_plan(load_recipe(recipe_file, [override]))
    assert message in str(caught.value)


def test_overrides_address_stages_by_index_or_name(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, ["stages.0.epochs=7", "stages.refine.learning_rate=0.5", "defaults.l2={value: 0.1}", "seed=3"])
    assert recipe.stages[0].epochs == 7
    assert recipe.stages[1].learning_rate.arguments == {"value": 0.5}
    assert recipe.stages[0].l2 is not None
    assert recipe.stages[0].l2.value == 0.1
    assert recipe.document.seed == 3


def test_what_an_override_replaces_has_no_place_any_more(recipe_file: Path) -> None:
    origin = load_recipe(recipe_file, ["model={name: lenet}"]).origin
    assert origin.knows(("model", "name"))
    assert not origin.knows(("model", "widths"))
    assert origin.locate(("model", "widths")) == "--set model={name: lenet}"
    assert load_recipe(recipe_file).origin.locate(("model", "widths")) == f"{recipe_file}:6"


def test_a_value_used_twice_is_written_twice() -> None:
    part = {"name": "adam"}
    assert format_yaml({"first": part, "second": part}) == "first:\n  name: adam\nsecond:\n  name: adam\n"


def test_a_mapping_is_checked_like_a_file_and_not_changed() -> None:
    given_recipe = tiny_recipe()
    before = yaml.safe_dump(given_recipe)
    assert load_recipe(given_recipe, {"stages.0.epochs": 9}).stages[0].epochs == 9
    assert yaml.safe_dump(given_recipe) == before
    with pytest.raises(UserError, match=re.escape("override stages.0.epochs='x': stages[0].epochs: expected an integer > 0, got 'x'")):
        load_recipe(given_recipe, {"stages.0.epochs": "x"})


def test_a_value_in_a_stage_replaces_the_entire_default() -> None:
    recipe = load_recipe(tiny_recipe(defaults={"optimizer": {"name": "sgd", "momentum": 0.5}}))
    assert recipe.stages[0].optimizer.arguments == {"momentum": 0.5}
    assert recipe.stages[2].optimizer.arguments == {"momentum": 0.9}
    changed = load_recipe(tiny_recipe(defaults={"optimizer": {"name": "sgd", "nesterov": True}}))
    assert "nesterov" not in changed.stages[2].optimizer.arguments


def test_keeping_state_needs_the_same_optimizer() -> None:
    stages: list[dict[str, Any]] = tiny_recipe()["stages"]
    stages[2]["optimizer_state"] = "keep"
    with pytest.raises(UserError, match=r"stages\[2\].optimizer_state: 'keep' needs the previous stage's optimizer, 'adam', got 'sgd'"):
        make_plan(load_recipe(tiny_recipe(stages=stages)))


def test_the_resolved_recipe_writes_every_default_and_makes_itself_again() -> None:
    plan = make_plan(load_recipe(tiny_recipe()))
    resolved = plan.to_dict()
    again = make_plan(load_recipe(yaml.safe_load(format_yaml(resolved))))
    assert again.to_dict() == resolved
    assert resolved["stages"][0]["optimizer"] == {"name": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert resolved["stages"][2]["batch_size"] == 128
    assert resolved["dataset"] == {"name": "digits", "validation": 0.2, "imbalance": 1.0}


@given(
    seed=st.integers(0, 2**32 - 1),
    epochs=st.lists(st.integers(1, 1000), min_size=1, max_size=5),
    rate=st.floats(1e-9, 10.0),
    batch_size=st.integers(1, 4096),
    validation=st.one_of(st.integers(0, 1000), st.floats(0, 1, exclude_max=True)),
)
def test_any_valid_recipe_survives_its_own_yaml(seed: int, epochs: list[int], rate: float, batch_size: int, validation: float) -> None:
    stages = [{"name": f"s{k}", "epochs": count, "learning_rate": rate} for k, count in enumerate(epochs)]
    recipe = tiny_recipe(seed=seed, stages=stages, defaults={"batch_size": batch_size}, dataset={"name": "digits", "validation": validation})
    resolved = make_plan(load_recipe(recipe)).to_dict()
    text = format_yaml(resolved)
    assert make_plan(load_recipe(yaml.safe_load(text))).to_dict() == resolved
