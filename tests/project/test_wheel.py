"""What is installed without the repository: a wheel has the recipes, and they are found by name."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from places import ROOT

from kcifar.recipe.shipped import list_shipped_names

FOUND = """
import importlib.resources, sys
import kcifar
from kcifar.recipe.load import load_recipe
from kcifar.recipe.shipped import list_shipped_names
assert kcifar.__file__.startswith(sys.argv[1])
assert importlib.resources.files("kcifar").joinpath("stages/three_stage.yaml").is_file()
for name in list_shipped_names():
    print(name, load_recipe(name).name)
"""


@pytest.mark.slow
def test_a_wheel_has_every_recipe_and_finds_it_by_name(tmp_path: Path) -> None:
    source, wheels, installed = (tmp_path / name for name in ("source", "wheels", "installed"))
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["git", "checkout-index", "-z", "--stdin", f"--prefix={source}/"], cwd=ROOT, input=tracked, check=True)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(wheels), str(source)], check=True)
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(name for name in archive.namelist() if name.startswith("kcifar/stages/")) == [
            f"kcifar/stages/{name}.yaml" for name in list_shipped_names()
        ]
        assert not any(name.startswith("stages") for name in archive.namelist())
        archive.extractall(installed)
    done = subprocess.run(
        [sys.executable, "-c", FOUND, str(installed)], cwd=tmp_path, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True
    )
    assert dict(line.split() for line in done.stdout.splitlines()) == {name: name.replace("/", "_") for name in list_shipped_names()}
