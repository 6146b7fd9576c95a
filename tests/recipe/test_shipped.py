"""Shipped recipes are found by name wherever the working directory is; a file of that name comes first."""

import shutil
from pathlib import Path

import pytest
from places import ROOT

import kcifar
from kcifar.core.errors import UserError
from kcifar.recipe.load import load_recipe
from kcifar.recipe.shipped import find_recipe, find_shipped_path, list_shipped_names


def test_every_file_in_stages_is_shipped() -> None:
    files = sorted(path.relative_to(ROOT / "stages").with_suffix("").as_posix() for path in (ROOT / "stages").rglob("*.yaml"))
    assert list_shipped_names() == files
    assert all(find_shipped_path(name).read_bytes() == (ROOT / "stages" / f"{name}.yaml").read_bytes() for name in files)


@pytest.mark.parametrize("name", ["three_stage", "vgg16_rates/adam_1e-3", "./three_stage", "vgg16_ablation/plain"])
def test_a_recipe_is_found_by_its_name_anywhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = ROOT / "stages" / f"{name}.yaml"
    assert load_recipe(name).to_dict() == load_recipe(file).to_dict() == load_recipe(Path(name)).to_dict()
    assert kcifar.load_recipe(name).name == load_recipe(file).name


def test_a_file_comes_before_a_shipped_recipe_and_a_folder_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()
    assert find_recipe(Path("quickstart")) == find_shipped_path("quickstart")
    Path("quickstart").rmdir()
    shutil.copy(find_shipped_path("lenet_sgd"), "quickstart")
    assert find_recipe(Path("quickstart")) == Path("quickstart")
    assert load_recipe("quickstart").name == "lenet_sgd"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("three_stag", "three_stag: no such file, and no shipped recipe has this name; did you mean 'three_stage'?"),
        ("adam_1e-3", "adam_1e-3: no such file, and no shipped recipe has this name; did you mean 'vgg16_rates/adam_1e-3'?"),
        ("../three_stage", "../three_stage: no such file, and no shipped recipe has this name; did you mean 'three_stage'?"),
        ("/three_stage", "/three_stage: no such file, and no shipped recipe has this name"),
        ("three_stage.yaml", "three_stage.yaml: no such file"),
    ],
)
def test_a_name_that_is_neither_is_answered_in_one_line(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    with pytest.raises(UserError) as caught:
        load_recipe(name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_shipped_name_is_left_to_the_reader(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe(tmp_path)
