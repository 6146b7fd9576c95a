"""All mistakes of a recipe are reported at once: one line each, in the order of the file, a misspelled key at its own line."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import RECIPE_TEXT, tiny_recipe

import kcifar
from kcifar.augment import AUGMENTATIONS
from kcifar.core.checks import make_argument_model
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistake, Mistakes, SeveralMistakes
from kcifar.core.registry import Registry
from kcifar.losses import LOSSES
from kcifar.models import MODELS
from kcifar.optimizers import OPTIMIZERS
from kcifar.planning.plan import load_plan
from kcifar.schedules import SCHEDULES

# For each line of the tiny recipe: what stands there, a mistake in its place, and the message, which begins with the line's number.
LINES = [
    ("name: mine", "nmae: mine", "1: nmae: unknown key; did you mean 'name'?"),
    ("seed: 0", "sede: 0", "2: sede: unknown key; did you mean 'seed'?"),
    ("validation: 0.2", "validatoin: 0.2", "3: dataset.validatoin: unknown key; did you mean 'validation'? (allowed: validation, imbalance)"),
    ("model:", "modle:", "4: modle: unknown key; did you mean 'model'?"),
    ("batch_size: 64", "batch_size: 0", "9: defaults.batch_size: expected an integer > 0, got 0"),
    ("{name: horizontal_flip}", "horizontal_flip", "11: defaults.augmentation[0]: expected a mapping with a name and the step's arguments"),
    ("epochs: 2", "epoch: 2", "13: stages[0].epoch: unknown key; did you mean 'epochs'?"),
    ("name: refine", "nmae: refine", "14: stages[1].nmae: unknown key; did you mean 'name'?"),
    ("    epochs: 1\n", "    epochs: many\n", "15: stages[1].epochs: expected an integer > 0, got 'many'"),
    (
        "learning_rate: 1e-4",
        "learning_rate: {name: cosin, value: 1}",
        "16: stages[1].learning_rate.name: no schedule 'cosin'; did you mean 'cosine'?",
    ),
]


def find_lines(path: Path, overrides: Sequence[str] = ()) -> list[str]:
    """Return the messages about a recipe, without the file's name."""
    with pytest.raises(SeveralMistakes) as caught:
        load_plan(path, overrides)
    assert str(caught.value).splitlines() == [mistake.line for mistake in caught.value.mistakes]
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


@given(chosen=st.sets(st.sampled_from(range(len(LINES))), min_size=1))
def test_any_mistakes_are_reported_together_in_the_order_of_the_file(recipe_file: Path, chosen: set[int]) -> None:
    text = RECIPE_TEXT
    for number in chosen:
        old, new, _ = LINES[number]
        assert old in text
        text = text.replace(old, new, 1)
    recipe_file.write_text(text, encoding="utf-8")
    lines = find_lines(recipe_file)
    assert len(lines) == len(chosen)
    assert all(line.startswith(LINES[number][2]) for line, number in zip(lines, sorted(chosen), strict=True))


REGISTRIES: Mapping[str, Registry] = {
    "model": MODELS,
    "augmentation": AUGMENTATIONS,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "learning_rate": SCHEDULES,
}


def make_recipe(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe that uses a part."""
    if kind == "model":
        return tiny_recipe(model=part)
    stage = {"name": "only", "epochs": 1, "learning_rate": 0.1} | {kind: [part] if kind == "augmentation" else part}
    return tiny_recipe(stages=[stage])


def list_required_arguments() -> list[tuple[str, str, str]]:
    """Return kind, part and argument of every argument that must be given, each part's name among them."""
    found = []
    for kind, registry in REGISTRIES.items():
        for name in registry.names():
            if kind == "augmentation" and name == "one_of":
                continue
            fields = make_argument_model(registry.get(name), registry.supplied).model_fields
            found += [(kind, name, key) for key, field in fields.items() if field.is_required()]
        found.append((kind, registry.names()[0], "name"))
    return found


@pytest.mark.parametrize(("kind", "name", "argument"), list_required_arguments())
def test_a_misspelled_required_argument_is_one_mistake_with_its_name(kind: str, name: str, argument: str) -> None:
    fields = make_argument_model(REGISTRIES[kind].get(name), REGISTRIES[kind].supplied).model_fields
    required = [key for key, field in fields.items() if field.is_required()]
    part = {"name": name} | {
        key: [] if key in ("values", "boundaries") else "1 epoch" if key in ("every", "period", "peak_at") else 0.5 for key in required
    }
    wrong = argument + argument[-1]
    part[wrong] = part.pop(argument)
    with pytest.raises(SeveralMistakes) as caught:
        kcifar.load_recipe(make_recipe(kind, part))
    about_it = [mistake for mistake in caught.value.mistakes if wrong in mistake.path or argument in mistake.path]
    assert len(about_it) == 1
    assert about_it[0].path[-1] == wrong
    assert f"{wrong}: unknown key; did you mean {argument!r}?" in about_it[0].line


@pytest.mark.parametrize("kind", ["dataset", "model", "optimizer", "loss", "augmentation", "learning_rate"])
def test_the_example_of_a_part_is_one_of_its_own_kind(kind: str) -> None:
    recipe = tiny_recipe(dataset=3) if kind == "dataset" else make_recipe(kind, 3 if kind != "learning_rate" else [])  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        kcifar.load_recipe(recipe)
    line = next(line for line in str(caught.value).splitlines() if kind in line)
    example = yaml.safe_load(line[line.index("{") : line.index("}") + 1])
    recipe = tiny_recipe(dataset=example) if kind == "dataset" else make_recipe(kind, example)
    kcifar.load_recipe(recipe)  # takes it


def test_keys_that_every_part_of_a_kind_has_are_offered_with_its_own() -> None:
    rate = {"name": "cosine", "value": 0.1, "warmup": "1 epoch"}
    with pytest.raises(
        UserError, match=r"learning_rate.warmup: unknown key; did you mean 'warm_up'\? \(allowed: warm_up, warm_up_from, value, end\)"
    ):
        kcifar.load_recipe(make_recipe("learning_rate", rate))
    with pytest.raises(UserError, match=r"dataset.image_sise: unknown key; did you mean 'image_size'\? \(allowed: validation, imbalance, image_size"):
        kcifar.load_recipe(tiny_recipe(dataset={"name": "folder", "image_sise": 8}))


def test_parts_and_stages_are_checked_around_what_is_wrong() -> None:
    steps = [
        3,
        {"name": "random_crop", "paddin": 4},
        {"name": "one_of", "operations": [{"name": "cutout", "size": -1}, 5, {"name": "mixup", "alpha": "x"}]},
    ]
    first = {"name": "a", "epochs": 1, "learning_rate": 0.1, "augmentation": steps, "rate_multipliers": [{"variables": "*", "value": -1}, "x"]}
    second = {"name": "b", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "adamw"}}
    third = {"name": "c", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "sgd"}, "optimizer_state": "keep"}
    with pytest.raises(SeveralMistakes) as caught:
        kcifar.load_recipe(tiny_recipe(stages=[first, 7, second, third]))
    assert [".".join(map(str, mistake.path)) for mistake in caught.value.mistakes] == [
        "stages.0.augmentation.0",
        "stages.0.augmentation.1.paddin",
        "stages.0.augmentation.2.operations.0.size",
        "stages.0.augmentation.2.operations.1",
        "stages.0.augmentation.2.operations.2.alpha",
        "stages.0.rate_multipliers.0.value",
        "stages.0.rate_multipliers.1",
        "stages.1",
        "stages.2.optimizer",
        "stages.3.optimizer_state",
    ]


def test_a_setting_that_is_wrong_itself_is_not_compared_with_others() -> None:
    stages = [
        {"name": "a", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "agd"}},
        {"name": "b", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "sgd"}, "optimizer_state": "keep"},
        {"name": "c", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "adamw"}, "weight_decay": -1, "momentum": "x"},
    ]
    with pytest.raises(SeveralMistakes) as caught:
        kcifar.load_recipe(tiny_recipe(stages=stages, select="best", dataset={"name": "digits", "validation": "none"}))
    keys = [mistake.path[-1] for mistake in caught.value.mistakes]
    assert keys == ["validation", "name", "value", "momentum"]


def test_a_mistake_in_the_defaults_is_one_line_and_not_one_for_each_stage(recipe_file: Path) -> None:
    text = RECIPE_TEXT.replace("batch_size: 64", "epoch: 3\n  loss: {name: focal, gama: 1}").replace("epochs: 2, ", "").replace("    epochs: 1\n", "")
    recipe_file.write_text(text, encoding="utf-8")
    first, second = find_lines(recipe_file)
    assert first.startswith("9: defaults.epoch: unknown key; did you mean 'epochs'?")
    assert second.startswith("10: defaults.loss.gama: unknown key; did you mean 'gamma'?")


def test_files_come_from_the_extending_one_to_the_base_and_then_the_overrides(recipe_file: Path) -> None:
    recipe_file.write_text(RECIPE_TEXT.replace("seed: 0", "seed: -1").replace("epochs: 2", "epochs: 0"), encoding="utf-8")
    own = recipe_file.with_name("own.yaml")
    own.write_text("extend: mine.yaml\nname: own\nselct: best\nmodel: {widths: [0]}\n", encoding="utf-8")
    overrides = ["stages.9.epochs=1", "defaults.accumulate=0", "stages.refine.epochs=x", "nothing"]
    with pytest.raises(SeveralMistakes) as caught:
        load_plan(own, overrides)
    starts = [f"{own}:3: selct", f"{own}:4: model.widths[0]", f"{recipe_file}:2: seed", f"{recipe_file}:13: stages[0].epochs"]
    starts += [f"--set {text}: " for text in overrides]
    lines = str(caught.value).splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_a_wrong_name_of_an_extending_recipe_is_reported_with_the_rest(recipe_file: Path) -> None:
    own = recipe_file.with_name("own.yaml")
    own.write_text("extend: mine.yaml\nname: mine\nseed: -1\n", encoding="utf-8")
    first, second = find_lines(own)
    assert first.startswith("2: name: 'mine' is already used by")
    assert second.startswith("3: seed: expected an integer >= 0")


@pytest.mark.parametrize("bad", [{1: 2}, {"stages": [{2: 3}]}, {"defaults": {None: 1}}, {"model": {3: 4, "name": "lenet"}}])
def test_a_key_that_is_no_text_is_refused_from_python(bad: dict[Any, Any]) -> None:
    with pytest.raises(UserError, match="expected a text as a key"):
        kcifar.load_recipe(tiny_recipe(**{str(key): value for key, value in bad.items()}) | bad)


def test_the_command_prints_each_mistake_on_a_line_and_imports_no_backend(recipe_file: Path) -> None:
    recipe_file.write_text(RECIPE_TEXT.replace("model:", "modle:").replace("epochs: 2", "epochs: many"), encoding="utf-8")
    code = (
        "import sys; from kcifar.commands.train import app; from kcifar.core.command import run_command; code = run_command(app);"
        "print(code, sorted({'tensorflow', 'keras', 'jax', 'torch', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, "--stages", recipe_file], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: {recipe_file}:4: modle: unknown key; did you mean 'model'?")
    assert second == f"error: {recipe_file}:13: stages[0].epochs: expected an integer > 0, got 'many'"


def test_collected_mistakes_are_sorted_and_the_same_line_counts_once() -> None:
    mistakes = Mistakes()
    mistakes.raise_any(len)  # none: nothing is raised
    with mistakes.collect(("c",)):
        raise UserError("third")
    with mistakes.collect(()):
        raise SeveralMistakes([Mistake(("a",), "first"), Mistake(("c",), "third")])
    with mistakes.collect(()):
        mistakes.add([Mistake(("b",), "second")])
    with pytest.raises(SeveralMistakes) as caught:
        mistakes.raise_any(lambda path: path)
    assert str(caught.value) == "first\nsecond\nthird"
    with pytest.raises(ZeroDivisionError), mistakes.collect(()):
        raise ZeroDivisionError
