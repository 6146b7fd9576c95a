"""The commands hand over exactly what was typed: options to the library, its exit code to the shell."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_recipe import tiny_recipe

from kcifar.benchmarks import time_to_accuracy
from kcifar.commands import bench, evaluate, export, train
from kcifar.core.command import run_command
from kcifar.exporting import saved_model
from kcifar.runs.folder import RECIPE_FILE
from kcifar.training import evaluation, learning_rate_finder, trainer
from kcifar.training.request import TrainingRequest

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in this process and returns its exit code."""

    def call(command: Any, *options: object) -> int:
        monkeypatch.setattr(sys, "argv", ["kcifar", *map(str, options)])
        return run_command(command.app)

    return call


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a recipe's file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("tiny.yaml")
    path.write_text(yaml.safe_dump(tiny_recipe()), encoding="utf-8")
    return path


def test_training_is_requested_as_typed(run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[TrainingRequest] = []
    monkeypatch.setattr(trainer, "train_run", lambda request, progress: requests.append(request))
    Path("parts.py").write_text("")
    options = ["--stages", recipe, "--import", "parts.py", "--set", "test=never", "--set", "stages.learn.epochs=9", "--data", "d", "--url", "u"]
    assert run(train, *options, "--seed", 3, "--run", "r", "--overwrite") == 0
    (request,) = requests
    assert request.plan.recipe.document.seed == 3
    assert request.plan.recipe.document.test == "never"
    assert request.plan.stages[0].epochs == 9
    assert (request.folder.path, request.data, request.url) == (Path("r"), Path("d"), "u")
    assert (request.resume, request.overwrite) == (False, True)
    assert request.imports == (Path("parts.py").absolute(),)
    assert request.command == ("python", "-m", "kcifar.train", *map(str, options), "--seed", "3", "--run", "r", "--overwrite")


def test_a_learning_rate_test_gets_the_recipe_and_trains_no_run(run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(learning_rate_finder, "save_range_test", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(trainer, "train_run", None)
    assert run(train, "--stages", recipe, "--find-lr", "--data", "d", "--seed", 5) == 0
    ((plan, data, url, folder),) = calls
    assert (plan.recipe.document.seed, data, url, folder) == (5, Path("d"), None, Path("find-lr"))


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_split_that_was_asked_for_is_evaluated(split: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / RECIPE_FILE).write_text("name: x\n", encoding="utf-8")
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(evaluation, "evaluate_run", lambda run, *others: calls.append((run.path, *others)) or METRICS)
    assert run(evaluate, tmp_path, "--data", "d", *(["--split", split] if split != "test" else [])) == 0
    assert run(evaluate, tmp_path, "--data", "d", "--name", "mine") == 0
    assert calls == [(tmp_path, Path("d"), split, None), (tmp_path, Path("d"), "test", "mine")]


METRICS = {"split": "test", "samples": 1, "accuracy": 1.0, "cross_entropy": 0.0, "classes": [{"name": "a", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}]}  # fmt: skip


@pytest.mark.parametrize(("options", "out", "overwrite"), [([], "saved_model", False), (["--out", "{folder}/x", "--overwrite"], "x", True)])
def test_an_export_goes_where_it_was_asked_to(
    options: list[str],
    out: str,
    overwrite: bool,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / RECIPE_FILE).write_text("name: x\n", encoding="utf-8")
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(saved_model, "export_saved_model", lambda run, out, overwrite, say: calls.append((run.path, out, overwrite)) or "the same")
    assert run(export, tmp_path, *[option.replace("{folder}", str(tmp_path)) for option in options]) == 0
    assert calls == [(tmp_path, tmp_path / out, overwrite)]
    assert capsys.readouterr().out == f"{tmp_path / out}: the same\n"


def test_the_exit_code_of_a_failed_training_is_that_of_the_benchmark(run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    monkeypatch.setattr(time_to_accuracy, "train_seed", lambda request, *others: trained.append(request.plan.recipe.document.seed) or 7)
    assert run(bench, "time-to-accuracy", recipe, "--target", 0.5) == 7
    assert trained == [0]
