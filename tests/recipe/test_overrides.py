"""Overrides: each changes what is trained, or is refused with the values that win; `*` stands for all entries of a list."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from tiny_recipe import RECIPE_TEXT, tiny_recipe

import kcifar
from kcifar.core.errors import UserError
from kcifar.planning.plan import load_plan
from kcifar.recipe.shipped import list_shipped_names

THREE_STAGE = ROOT / "stages" / "three_stage.yaml"


def resolve(overrides: Any, **changes: Any) -> dict[str, Any]:
    """Return the resolved tiny recipe."""
    return load_plan(tiny_recipe(**changes), overrides).to_dict()


@pytest.mark.parametrize("name", list_shipped_names())
@pytest.mark.parametrize(("key", "value"), [("learning_rate", 0.0123), ("batch_size", 77), ("epochs", 3), ("clip_norm", 3.5), ("views", 2)])
def test_an_override_of_the_defaults_changes_the_stages_or_is_refused(name: str, key: str, value: Any) -> None:
    """The law that a sweep rests on: no trial is silently the same as another."""
    before = load_plan(name).to_dict()["stages"]
    try:
        after = load_plan(name, [f"defaults.{key}={value}"]).to_dict()["stages"]
    except UserError as error:
        message = str(error)
    else:
        assert after != before
        return
    assert f"defaults.{key}: changes nothing, as these win: " in message
    assert f"'stages.*.{key}' sets all stages" in message


def test_a_default_that_every_stage_replaces_is_refused_with_their_places() -> None:
    with pytest.raises(UserError) as caught:
        load_plan(THREE_STAGE, ["defaults.learning_rate=0.1"])
    stages = [THREE_STAGE.read_text(encoding="utf-8").splitlines().index(f"  - {{name: {text}}}") + 1 for text in STAGES]
    places = ", ".join(f"stages[{index}].learning_rate ({THREE_STAGE}:{line})" for index, line in enumerate(stages))
    hint = "'stages.*.learning_rate' sets all stages"
    message = f"--set defaults.learning_rate=0.1: defaults.learning_rate: changes nothing, as these win: {places}; {hint}"
    assert str(caught.value) == message


STAGES = [
    "learn,  epochs: 20, learning_rate: 3.0e-4",
    "refine, epochs: 10, learning_rate: 1.0e-4",
    "polish, epochs: 5,  learning_rate: 5.0e-5",
]


@given(rate=st.floats(1e-9, 1e3))
def test_a_star_sets_every_stage(rate: float) -> None:
    stages = load_plan(THREE_STAGE, [f"stages.*.learning_rate={rate!r}"]).to_dict()["stages"]
    assert [stage["learning_rate"]["value"] for stage in stages] == [rate] * 3


def test_a_star_and_an_exception_after_it() -> None:
    stages = resolve(["stages.*.learning_rate=0.1", "stages.polish.learning_rate=0.01"])["stages"]
    assert [stage["learning_rate"]["value"] for stage in stages] == [0.1, 0.1, 0.01]
    with pytest.raises(
        UserError, match=r"--set stages.polish.learning_rate=0.01: .*changes nothing, as --set stages.\*.learning_rate=0.1 replaces it"
    ):
        resolve(["stages.polish.learning_rate=0.01", "stages.*.learning_rate=0.1"])


def test_a_star_also_means_all_entries_of_other_lists() -> None:
    stages = resolve({"defaults.augmentation.*.probability": 0.25}, defaults={"augmentation": [{"name": "horizontal_flip"}, {"name": "grayscale"}]})[
        "stages"
    ]
    assert [[step["probability"] for step in stage["augmentation"]] for stage in stages] == [[0.25, 0.25]] * 3


@pytest.mark.parametrize("value", [3e-3, "{name: constant, value: 0.003}"])
def test_the_value_that_is_already_there_is_no_mistake(value: Any) -> None:
    """The base of a sweep over 0.003 and 0.01 is one of its trials."""
    assert resolve([f"stages.learn.learning_rate={value}"]) == resolve([])
    assert resolve(["defaults.batch_size=128", "seed=0"]) == resolve([])


def test_a_part_of_a_default_is_changed_in_the_stage_alone() -> None:
    optimizer = {"name": "sgd", "momentum": 0.9, "nesterov": True}
    stages = resolve(["stages.1.optimizer.momentum=0.5"], defaults={"optimizer": optimizer})["stages"]
    assert [stage["optimizer"]["momentum"] for stage in stages] == [0.9, 0.5, 0.9]
    assert [stage["optimizer"].get("nesterov") for stage in stages] == [True, True, False]  # the last one has its own optimizer
    everywhere = resolve(["stages.*.optimizer.momentum=0.5"], defaults={"optimizer": optimizer})["stages"]
    assert [stage["optimizer"]["momentum"] for stage in everywhere] == [0.5] * 3


def test_a_copied_default_keeps_its_place(recipe_file: Path) -> None:
    text = RECIPE_TEXT.replace("batch_size: 64", "optimizer: {name: sgd,\n    nestrov: true}")
    recipe_file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_plan(recipe_file, ["stages.1.optimizer.momentum=2"])
    default, own, override = str(caught.value).splitlines()
    assert own.startswith(f"{recipe_file}:10: stages[1].optimizer.nestrov: unknown key")
    assert default.startswith(f"{recipe_file}:10: defaults.optimizer.nestrov: unknown key")
    assert override == "--set stages.1.optimizer.momentum=2: stages[1].optimizer.momentum: expected a number >= 0 and < 1, got 2"


REPLACED = [
    (["defaults.optimizer.momentum=0.5"], {"defaults": {"optimizer": {"name": "sgd"}, "momentum": 0.8}}, "defaults.momentum (recipe)"),
    (["stages.0.optimizer.beta_1=0.5"], {"defaults": {"optimizer": {"name": "adam"}, "momentum": 0.8}}, "defaults.momentum (recipe)"),
    (["model.dropout_rate=0.5"], {"defaults": {"dropout_rate": 0.1}}, "defaults.dropout_rate (recipe)"),
    (["defaults.views=6", "stages.2.views=2"], {}, "stages[2].views (--set stages.2.views=2)"),
    (["stages.0.views=6"], {}, "stages[2].views (recipe)"),
    (["defaults={epochs: 7}"], {}, "stages[0].epochs (recipe), stages[1].epochs (recipe), stages[2].epochs (recipe)"),
]


@pytest.mark.parametrize(("overrides", "changes", "winners"), REPLACED)
def test_what_another_key_replaces_is_refused(overrides: list[str], changes: dict[str, Any], winners: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"changes nothing, as these win: {winners}")):
        resolve(overrides, **changes)


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        (["defaults.optimizer.momentum=0.5"], {"defaults": {"optimizer": {"name": "sgd"}}}),
        (["model.dropout_rate=0.5"], {}),
        (["defaults.views=6"], {}),
        (["stages.*.views=6"], {}),
        (["defaults.optimizer={name: lion}"], {}),  # two stages take it, one has its own
        (["defaults={batch_size: 7, epochs: 7}"], {}),  # the size counts
    ],
)
def test_what_one_stage_takes_is_not_refused(overrides: list[str], changes: dict[str, Any]) -> None:
    assert resolve(overrides, **changes) != resolve([], **changes)


@pytest.mark.parametrize(
    "overrides", [["seed=4", "seed=3"], ["model={name: lenet}", "model={name: resnet18}"], ["model.widths=[4, 4]", "model={name: lenet}"]]
)
def test_two_overrides_of_one_value_are_refused_unless_they_agree(overrides: list[str]) -> None:
    first, second = overrides
    with pytest.raises(UserError, match=re.escape(f"--set {first}: {first.split('=')[0]}: changes nothing, as --set {second} replaces it")):
        resolve(overrides)
    assert resolve([second, second]) == resolve([second])


def test_the_same_holds_from_python_where_messages_name_the_override() -> None:
    message = "override defaults.learning_rate=0.1: defaults.learning_rate: changes nothing, as these win: stages[0].learning_rate (recipe)"
    with pytest.raises(UserError, match=re.escape(message)):
        kcifar.train(tiny_recipe(), **{"defaults.learning_rate": 0.1})
    recipe = kcifar.load_recipe(tiny_recipe(), {"stages.*.epochs": 1})
    assert [stage.epochs for stage in recipe.stages] == [1, 1, 1]


@pytest.mark.parametrize("changes", [{"stages": 3}, {"stages": [3]}, {"stages": {"a": 1}}, {"defaults": 3}, {"defaults": {"optimizer": 3}}])
@pytest.mark.parametrize(
    "override", ["stages.*.optimizer.momentum=0.1", "defaults.epochs=3", "defaults.optimizer.momentum=0.5", "stages=3", "stages.*=3"]
)
def test_overrides_of_a_recipe_of_another_form_are_mistakes_and_not_crashes(changes: dict[str, Any], override: str) -> None:
    with pytest.raises(UserError):
        resolve([override], **changes)
