"""The command that a report prints trains the same run: pasted into a shell, it is read as the recipe that the run folder holds."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_runs import changed, made
from places import ROOT
from rich.console import Console
from run_folders import write_run
from tiny_recipe import RECIPE_TEXT

from kcifar.commands.train import app
from kcifar.planning.plan import Plan, make_plan
from kcifar.recipe.load import load_recipe
from kcifar.recipe.write import format_yaml
from kcifar.reporting.analysis.training_command import agrees, describe_training
from kcifar.reporting.build import build_report
from kcifar.reporting.request import ReportRequest
from kcifar.training import dry_run

PARTS = "print('my parts are here')\n"


def _write_trained(folder: Path, recipe: Path | str, typed: Sequence[str], overrides: Sequence[str] = (), backend: str = "tensorflow") -> Path:
    """Write a run folder as training a recipe with these words would leave it."""
    write_run(folder, arrays=False)
    settings = make_plan(load_recipe(Path(recipe), overrides)).to_dict()
    (folder / "recipe.yaml").write_text(format_yaml(settings | {"precision": "float32"}), encoding="utf-8")
    environment = json.loads((folder / "environment.json").read_text()) | {"backend": backend, "command": ["python", "-m", "kcifar.train", *typed]}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    history = (folder / "history.csv").read_text().splitlines()
    (folder / "history.csv").write_text("\n".join(history[:2]) + "\n", encoding="utf-8")  # one epoch of the first stage, which any recipe has
    (folder / "status.json").write_text(json.dumps({"state": "interrupted", "epoch": 1}), encoding="utf-8")
    return folder


def _printed_command(run: Path) -> str:
    """Return the command of a report, from its table."""
    request = ReportRequest([run], Path("runs"), Path("report of the run"), ["csv"], ["reproduction"])
    build_report(request, Console(file=io.StringIO()))
    with (Path("report of the run") / "reproduction.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return row["command"]


def _plan_of(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Path | None]:
    """Return the resolved recipe and the data that a command would train, without training."""
    shown: list[tuple[Plan, Path | None]] = []
    monkeypatch.setattr(dry_run, "print_plan", lambda plan, data, *_, **__: shown.append((plan, data)))
    words = [word for word in shlex.split(command) if not word.startswith("KERAS_BACKEND=")]
    assert words[:3] == ["python", "-m", "kcifar.train"]
    app([*words[3:], "--dry-run"], standalone_mode=False)
    ((plan, data),) = shown
    return plan.to_dict(), data


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of the user, in a folder with spaces and quotes that is the working directory."""
    folder = tmp_path / "it's my work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "mine.yaml").write_text(RECIPE_TEXT, encoding="utf-8")
    (folder / "my parts.py").write_text(PARTS, encoding="utf-8")
    return folder / "mine.yaml"


CASES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "a file": (["--stages", "mine.yaml"], []),
    "an absolute path": (["--stages", "{own}", "--data", "/data/my photos"], []),
    "overrides": (["--stages", "mine.yaml", "--set", "stages.learn.epochs=7", "--seed=4"], ["stages.learn.epochs=7", "seed=4"]),
    "resumed without a recipe": (["--resume", "--run", "runs/mine run"], []),
    "own parts": (["--import", "my parts.py", "--stages=mine.yaml", "--overwrite"], []),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_printed_command_trains_the_recipe_of_the_run(case: str, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed, overrides = CASES[case]
    run = _write_trained(Path("runs/mine run"), own, [word.format(own=own) for word in typed], overrides)
    own.write_text("changed: since", encoding="utf-8")
    plan, data = _plan_of(_printed_command(run), monkeypatch)
    assert plan == load_recipe(run / "recipe.yaml").to_dict() | plan  # nothing that the folder's recipe says is lost
    assert plan == make_plan(load_recipe(run / "recipe.yaml")).to_dict()
    assert data == (Path("/data/my photos") if "--data" in typed else None)


@pytest.mark.parametrize(
    ("typed", "overrides", "printed"),
    [
        (["--stages", "stages/quickstart.yaml"], [], "python -m kcifar.train --stages quickstart --seed 0"),
        (["--stages", "quickstart", "--seed", "3"], ["seed=3"], "python -m kcifar.train --stages quickstart --seed 3"),
        (["--stages", "/home/me/kcifar/stages/vgg16_rates/adam_1e-3.yaml"], [], "python -m kcifar.train --stages vgg16_rates/adam_1e-3 --seed 0"),
        (
            ["--stages", "quickstart", "--set", "defaults.batch_size=7"],
            ["stages.0.batch_size=7"],
            "python -m kcifar.train --stages runs/a/recipe.yaml",
        ),
    ],
)
def test_a_shipped_recipe_is_named_if_it_says_what_the_run_did(
    typed: list[str], overrides: list[str], printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = typed[1].rpartition("stages/")[2].removesuffix(".yaml")
    run = _write_trained(Path("runs/a"), ROOT / "stages" / f"{name}.yaml", typed, overrides)
    command = _printed_command(run)
    assert command == printed
    plan, _ = _plan_of(command, monkeypatch)
    assert plan | {"precision": "float32"} == make_plan(load_recipe(run / "recipe.yaml")).to_dict()


def test_where_the_run_is_in_the_default_folder_another_is_named(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _write_trained(Path("runs/mine-seed0"), own, ["--stages", "mine.yaml"])
    assert _printed_command(run).endswith("--stages runs/mine-seed0/recipe.yaml --run runs/mine-seed0-again")


def test_a_shell_runs_the_printed_command_as_it_stands(own: Path) -> None:
    pytest.importorskip("jax")
    typed = ["--import", str(own.parent / "my parts.py"), "--stages", "mine.yaml", "--set", "stages.learn.epochs=5"]
    run = _write_trained(Path("runs of mine/a 'quoted' run"), own, typed, ["stages.learn.epochs=5"], backend="jax")
    command = _printed_command(run)
    assert command.startswith("KERAS_BACKEND=jax python -m kcifar.train --stages ")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    environment.pop("KERAS_BACKEND", None)
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run([bash, "-c", f"{command} --dry-run --full"], capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "my parts are here" in done.stdout
    assert "epochs: 5" in done.stdout


def test_a_home_folder_is_written_as_the_shell_reads_it() -> None:
    run = made("a")
    assert run.environment
    told = replace(run, environment=run.environment.model_copy(update={"command": ["python", "-m", "kcifar.train", "--data", "/home/me/my data"]}))
    command = describe_training([told])
    assert command == "KERAS_BACKEND=jax python -m kcifar.train --stages a/recipe.yaml --data ~/'my data'"
    assert describe_training([run]) is None
    expanded = subprocess.run(["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True, env={"HOME": "/home/me"})
    assert expanded.stdout.splitlines()[-1] == "/home/me/my data"


def test_what_was_written_holds_if_it_is_resolved_to_more_but_not_to_something_else() -> None:
    resolved = changed(batch_size=7)
    assert agrees({"stages": [{"learning_rate": 0.01}]}, resolved)
    assert not agrees({"stages": [{"learning_rate": 0.02}]}, resolved)
    assert not agrees({"stages": [{"missing": 1}]}, resolved)
    assert not agrees({"stages": [{}, {}]}, resolved)
