"""The README against the tree: its map names every file, its commands have the options that they use, its keys are the recipe's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from published_parameters import PARAMETERS

from kcifar.models import MODELS
from kcifar.recipe import Document, Stage

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAP = README[README.index("## A map of the files") :]


def test_the_map_names_every_file_and_nothing_that_is_gone() -> None:
    named = set(re.findall(r"`((?:kcifar|stages|tests)/[\w./]*)`", MAP[MAP.index("| file |") :]))
    there = {
        f"kcifar/{path.name}{'/' if path.is_dir() else ''}"
        for path in (ROOT / "kcifar").iterdir()
        if path.suffix in (".py", "") and path.name != "__pycache__"
    }
    assert named == there | {"stages/", "tests/"}


def test_the_keys_are_the_recipes() -> None:
    tables = README[README.index("| key | meaning") : README.index("**Your own images**")]
    named = {key.split(".")[0] for row in tables.splitlines() if row.startswith("| `") for key in re.findall(r"`([\w.]+)`", row.split("|")[1])}
    assert named == set(Document.model_fields) | set(Stage.model_fields)


def test_every_recipe_and_command_exists() -> None:
    for path in re.findall(r"stages/\w+\.yaml", README):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"python -m kcifar\.(\w+)", README):
        assert (ROOT / "kcifar" / f"{command}.py").exists() or (ROOT / "kcifar" / command / "__main__.py").exists(), command


def test_the_zoo_is_whole() -> None:
    zoo = README[README.index("| family | networks") : README.index("Each file in `kcifar/models/`")]
    assert set(re.findall(r"`(\w+)`", zoo)) == set(MODELS.names())


def test_the_sizes_are_the_published_ones() -> None:
    zoo = README[README.index("| family | networks") : README.index("Each file in `kcifar/models/`")]
    counts = {published.count for published in PARAMETERS.values()} | {16_998_986}
    exact = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*,\d{3}", zoo)}
    rounded = re.findall(r"([\d.]+)M", zoo)
    assert exact <= counts
    assert [number for number in rounded if not any(f"{count / 1e6:.{len(number.split('.')[1])}f}" == number for count in counts)] == []


@pytest.mark.parametrize("command", ["train", "report", "evaluate", "export", "models", "bench"])
def test_the_options_of_its_commands_exist(command: str) -> None:
    used = {
        option
        for line in README.splitlines()
        if (found := re.search(rf"kcifar\.{command} ([^#&]*)", line))
        for option in re.findall(r"--[\w-]+", found[1])
    }
    shown = subprocess.run([sys.executable, "-m", f"kcifar.{command}", "--help"], capture_output=True, text=True, check=True).stdout
    assert used <= set(re.findall(r"--[\w-]+", shown))
