"""Recipes that extend others: what is merge, what is replaced, and that every message names the file to fix."""

import copy
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import RECIPE_TEXT, tiny_recipe

from kcifar.core.checks import dotted
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.planning.plan import make_plan
from kcifar.recipe.extend import MAX_FILES, LocatedData, extend_mapping, iterate_paths, merge, read_recipe_file
from kcifar.recipe.load import load_recipe
from kcifar.recipe.write import format_yaml

KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.integers(-3, 3) | st.booleans() | st.none() | st.lists(st.integers(0, 3), max_size=2)
NAMES = st.sampled_from(["adam", "sgd"])


def _mappings(names: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Nested mappings, some of them with a name, as parts have."""

    def inside(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        mapping = st.dictionaries(KEYS, inner, max_size=3)
        return mapping | st.builds(lambda name, arguments: {"name": name, **arguments}, names, mapping)

    return st.dictionaries(KEYS, st.recursive(LEAVES, inside, max_leaves=8), max_size=3)


ANY = _mappings(NAMES)
# Of one kind: `x` is a number, `y` a list and `inner` a mapping, at every depth; nothing has a name.
OF_ONE_KIND: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.fixed_dictionaries({}, optional={"x": st.integers(0, 9), "y": st.lists(st.integers(0, 9), max_size=2), "inner": OF_ONE_KIND})
)


def _written(data: dict[str, Any], name: str) -> LocatedData:
    return LocatedData(data, {path: f"{name}: {path}" for path in iterate_paths(data)})


def _merged(*data: dict[str, Any]) -> dict[str, Any]:
    result = _written(data[0], "0")
    for number, own in enumerate(data[1:], start=1):
        result = merge(result, _written(own, str(number)))
    return dict(result.data)


@given(OF_ONE_KIND, OF_ONE_KIND, OF_ONE_KIND)
def test_merging_is_associative_if_values_keep_their_kind(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    assert _merged(_merged(a, b), c) == _merged(a, _merged(b, c))


@given(ANY)
def test_an_empty_mapping_is_neutral_and_merging_is_idempotent(a: dict[str, Any]) -> None:
    assert _merged(a, {}) == _merged({}, a) == _merged(a, a) == a


@given(ANY, ANY)
def test_the_last_value_wins(base: dict[str, Any], own: dict[str, Any]) -> None:
    before = copy.deepcopy((base, own))
    result = _merged(base, own)
    assert _holds(result, own)
    assert set(result) == set(base) | set(own)
    assert {key: result[key] for key in base if key not in own} == {key: base[key] for key in base if key not in own}
    assert (base, own) == before


@given(ANY, ANY)
def test_every_value_keeps_the_place_where_it_was_written(base: dict[str, Any], own: dict[str, Any]) -> None:
    result = merge(_written(base, "base"), _written(own, "own"))
    assert set(result.places) == set(iterate_paths(result.data))
    in_own = set(iterate_paths(own))
    assert all(place == f"{'own' if path in in_own else 'base'}: {path}" for path, place in result.places.items())


@given(st.lists(ANY, min_size=2, max_size=5))
def test_a_chain_of_files_is_merged_from_its_last_base(tmp_path: Path, contents: list[dict[str, Any]]) -> None:
    head = _chain(tmp_path, contents)
    assert read_recipe_file(head, Mistakes()).data == {**_merged(*contents), "name": f"r{len(contents) - 1}"}
    # A file that says at once what the first two say together takes their place.
    shorter = _chain(tmp_path, [_merged(*contents[:2]), *contents[2:], {}])
    assert read_recipe_file(shorter, Mistakes()).data == read_recipe_file(_chain(tmp_path, [*contents, {}]), Mistakes()).data | {
        "name": f"r{len(contents) - 1}"
    }


def _chain(folder: Path, contents: list[dict[str, Any]]) -> Path:
    """Write recipes of which each extends the one before; return the last."""
    for number, data in enumerate(contents):
        extend = {"extend": f"r{number - 1}.yaml"} if number else {}
        (folder / f"r{number}.yaml").write_text(format_yaml({**data, "name": f"r{number}", **extend}), encoding="utf-8")
    return folder / f"r{len(contents) - 1}.yaml"


def _holds(result: Any, own: Any) -> bool:
    """Whether everything in `own` is in `result` as it is; mappings may hold more."""
    if isinstance(own, dict):
        return isinstance(result, dict) and all(key in result and _holds(result[key], value) for key, value in own.items())
    return bool(result == own)


@pytest.mark.parametrize(
    ("base", "own", "result"),
    [
        ({"name": "adam", "beta_1": 0.9}, {"name": "sgd", "momentum": 0.9}, {"name": "sgd", "momentum": 0.9}),
        ({"name": "sgd", "momentum": 0.9}, {"name": "sgd", "nesterov": True}, {"name": "sgd", "momentum": 0.9, "nesterov": True}),
        ({"name": "sgd", "momentum": 0.9}, {"momentum": 0.5}, {"name": "sgd", "momentum": 0.5}),
        ({"name": "cosine", "value": 0.1}, 0.01, 0.01),
        (0.01, {"name": "cosine", "value": 0.1}, {"name": "cosine", "value": 0.1}),
        ({"value": 1e-4}, None, None),
        ([{"name": "horizontal_flip"}], [], []),
    ],
)
def test_a_part_of_another_name_takes_no_arguments_of_the_first(base: Any, own: Any, result: Any) -> None:
    assert _merged({"part": base}, {"part": own}) == {"part": result}


def test_the_name_of_the_recipe_is_not_that_of_a_part() -> None:
    assert _merged({"name": "a", "seed": 3}, {"name": "b"}) == {"name": "b", "seed": 3}


def test_the_resolved_recipe_is_complete_and_makes_the_same_plan(recipe_file: Path) -> None:
    own = _write(recipe_file, "name: other\nextend: mine.yaml\nmodel: {dense_units: [16]}\ndefaults: {batch_size: 32}\n")
    resolved = make_plan(load_recipe(own)).to_dict()
    assert "extend" not in resolved
    assert make_plan(load_recipe(resolved)).to_dict() == resolved
    by_hand = RECIPE_TEXT.replace("mine", "other").replace("[4, 8]", "[4, 8]\n  dense_units: [16]").replace("batch_size: 64", "batch_size: 32")
    recipe_file.write_text(by_hand, encoding="utf-8")
    assert make_plan(load_recipe(recipe_file)).to_dict() == resolved


def test_a_sweep_changes_one_number_of_the_defaults(tmp_path: Path) -> None:
    stages = [{"name": "learn"}, {"name": "refine", "learning_rate": 1e-4}]
    base = tiny_recipe(name="base", defaults={"epochs": 3, "learning_rate": 0.1}, stages=stages)
    (tmp_path / "base.yaml").write_text(format_yaml(base), encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("name: own\nextend: base.yaml\ndefaults: {learning_rate: 0.5}\n", encoding="utf-8")
    assert [stage.learning_rate.arguments["value"] for stage in load_recipe(own).stages] == [0.5, 1e-4]


def test_overrides_come_last(recipe_file: Path) -> None:
    own = _write(recipe_file, "name: other\nextend: mine.yaml\nseed: 1\n")
    recipe = load_recipe(own, ["seed=2", "stages.refine.epochs=7"])
    assert (recipe.document.seed, recipe.stages[1].epochs) == (2, 7)
    with pytest.raises(UserError, match=re.escape("--set extend=mine.yaml: extend: expected in the recipe file")):
        load_recipe(recipe_file, ["extend=mine.yaml"])


def test_an_error_in_a_replaced_value_names_the_replacement(recipe_file: Path) -> None:
    """The file writes `model.widths` too, but it is the override's that is wrong."""
    with pytest.raises(UserError) as caught:
        make_plan(load_recipe(recipe_file, ["model={name: residual_cnn, widths: 3}"]))
    assert str(caught.value).startswith("--set model={name: residual_cnn, widths: 3}: model.widths: expected a list")
    with pytest.raises(UserError) as caught:
        make_plan(load_recipe(recipe_file, ["stages=[{name: a, epochs: 1, learning_rate: {name: constnt}}]"]))
    assert "stages[0].learning_rate.name: no schedule 'constnt'" in str(caught.value)


def test_the_callers_mapping_is_not_changed(recipe_file: Path) -> None:
    source = {"name": "other", "extend": str(recipe_file), "defaults": {"l2": {"value": 1e-4}}}
    value = {"name": "residual_cnn"}
    before = copy.deepcopy((source, value))
    load_recipe(source, {"model": value, "model.widths": [4], "model.convolutions": [1], "defaults.l2.value": 0.5})
    assert (source, value) == before


def test_paths_are_relative_to_the_file_that_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "root.yaml").write_text(RECIPE_TEXT, encoding="utf-8")
    (tmp_path / "bases" / "middle.yaml").write_text("name: middle\nextend: root.yaml\nseed: 5\n", encoding="utf-8")
    (tmp_path / "own.yaml").write_text("name: own\nextend: bases/middle.yaml\n", encoding="utf-8")
    assert load_recipe(tmp_path / "own.yaml").document.seed == 5
    (tmp_path / "bases" / "beside.yaml").write_text("name: beside\nextend: ../own.yaml\n", encoding="utf-8")
    assert load_recipe(tmp_path / "bases" / "beside.yaml").origin.locate(("seed",)) == f"{tmp_path}/bases/middle.yaml:3"
    monkeypatch.chdir(tmp_path / "bases")  # a mapping is in no file: its paths are relative to the working directory
    assert load_recipe({"name": "own", "extend": "middle.yaml"}).document.seed == 5
    assert load_recipe({"name": "own", "extend": str(tmp_path / "own.yaml"), "seed": 6} | {"name": "another"}).document.seed == 6


# (the extending file, the file to fix, the message after its name)
MISTAKES = [
    ("sede: 1\n", "other.yaml", "3: sede: unknown key"),
    ("seed: -1\n", "other.yaml", "3: seed: expected an integer >= 0"),
    ("model:\n  width: [4]\n", "other.yaml", "4: model.width: unknown key; did you mean 'widths'?"),
    ("model: {convolutions: [-1]}\n", "other.yaml", "3: model.convolutions[0]: expected"),
    ("model: {name: resnet18, widths: [4]}\n", "other.yaml", "3: model.widths: unknown key"),
    ("defaults: {optimizer: {name: adma}}\n", "other.yaml", "3: defaults.optimizer.name: no optimizer 'adma'"),
    ("stages:\n  - {name: a, learning_rate: 0.1, epochs: 0}\n", "other.yaml", "4: stages[0].epochs: expected an integer > 0"),
    ("defaults: {epochs: 4}\n", "mine.yaml", "12: stages[0].epochs: expected an integer > 0, got -2"),
]


@pytest.mark.parametrize(("text", "file", "message"), MISTAKES)
def test_an_error_names_the_file_and_line_of_the_value(recipe_file: Path, text: str, file: str, message: str) -> None:
    at_fault = RECIPE_TEXT.replace("seed: 0\n", "").replace("epochs: 2", "epochs: -2" if file == "mine.yaml" else "epochs: 2")
    recipe_file.write_text(at_fault, encoding="utf-8")
    own = _write(recipe_file, f"name: other\nextend: mine.yaml\n{text}")
    assert _message(own).startswith(f"{recipe_file.with_name(file)}:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: other\nextend: mine.yml\n", "2: extend: {folder}/mine.yml: no such file; did you mean 'mine.yaml'?"),
        ("name: other\nextend: .\n", "2: extend: {folder}: cannot be read: Is a directory"),
        ("name: other\nextend: list.yaml\n", "2: extend: {folder}/list.yaml: expected a recipe, which is a mapping, got [1]"),
        ("name: other\nextend: empty.yaml\n", "2: extend: {folder}/empty.yaml: expected a recipe, which is a mapping, got None"),
        ("name: other\nextend: twice.yaml\n", "2: extend: {folder}/twice.yaml:2: the key 'seed' is given twice"),
        ("name: other\nextend: [mine.yaml]\n", "2: extend: expected the path of a recipe file, got ['mine.yaml']"),
        ("name: other\nextend:\n", "2: extend: expected the path of a recipe file, got None"),
        ('name: other\nextend: ""\n', "2: extend: expected the path of a recipe file, got ''"),
        ('name: other\nextend: "a\\0b"\n', "2: extend: expected the path of a recipe file, got 'a\\x00b'"),
        ("extend: mine.yaml\n", "1: name: missing; a recipe that extends another needs its own name"),
        ("name: mine\nextend: mine.yaml\n", "1: name: 'mine' is already used by {folder}/mine.yaml:1; run folders take the name"),
        ("name: other\nextend: other.yaml\n", "2: extend: expected a file that does not extend this one, got 'other.yaml': {folder}/other.yaml -> "),
    ],
)
def test_what_cannot_be_extended_is_one_line(recipe_file: Path, text: str, message: str) -> None:
    folder = recipe_file.parent
    (folder / "list.yaml").write_text("[1]\n", encoding="utf-8")
    (folder / "empty.yaml").write_text("", encoding="utf-8")
    (folder / "twice.yaml").write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    own = _write(recipe_file, text)
    assert _message(own).startswith(f"{own}:{message.format(folder=folder)}")


def test_a_circle_is_refused(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "../here/a")):
        (tmp_path / "here").mkdir(exist_ok=True)
        (tmp_path / "here" / f"{name}.yaml").write_text(f"extend: {other}.yaml\nname: {name}\n", encoding="utf-8")
    here = tmp_path / "here"
    assert _message(here / "a.yaml").startswith(f"{here}/c.yaml:1: extend: expected a file that does not extend this one, got '../here/a.yaml'")


def test_a_name_must_differ_from_those_of_all_bases(tmp_path: Path) -> None:
    head = _chain(tmp_path, [{}, {}, {}])
    head.write_text(head.read_text(encoding="utf-8").replace("name: r2", "name: r0"), encoding="utf-8")
    with pytest.raises(UserError, match="name: 'r0' is already used by "):
        load_recipe(head)


def test_the_length_of_a_chain_is_limited(tmp_path: Path) -> None:
    assert read_recipe_file(_chain(tmp_path, [{}] * MAX_FILES), Mistakes()).data == {"name": f"r{MAX_FILES - 1}"}
    assert f"r1.yaml:2: extend: expected a chain of at most {MAX_FILES} files, got one more: 'r0.yaml'" in _message(
        _chain(tmp_path, [{}] * (MAX_FILES + 1))
    )


def test_a_mapping_is_called_the_recipe_in_messages(recipe_file: Path) -> None:
    source: Mapping[str, Any] = {"name": "other", "extend": str(recipe_file)}
    with pytest.raises(UserError, match=re.escape("recipe: extend: no.yaml: no such file")):
        extend_mapping({**source, "extend": "no.yaml"}, "recipe", Mistakes())
    with pytest.raises(UserError, match=re.escape("recipe: seed: expected an integer >= 0")):
        load_recipe({**source, "seed": -1})
    origin = load_recipe({**source, "seed": 1}).origin
    assert origin.place(("seed",)) == "recipe: seed"
    assert origin.place(("model", "widths")) == f"{recipe_file}:6: {dotted(('model', 'widths'))}"


def test_the_command_prints_one_line_and_exits_with_code_2(recipe_file: Path) -> None:
    own = _write(recipe_file, "name: other\nextend: nothing.yaml\n")
    done = subprocess.run([sys.executable, "-m", "kcifar.train", "--stages", str(own)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {own}:2: extend: {recipe_file.parent}/nothing.yaml: no such file")
    assert done.stderr.count("\n") == 1


def _write(recipe_file: Path, text: str) -> Path:
    """Write a second recipe beside the first."""
    own = recipe_file.with_name("other.yaml")
    own.write_text(text, encoding="utf-8")
    return own


def _message(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        make_plan(load_recipe(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)
