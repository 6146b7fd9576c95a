"""`python -m kcifar.bench time-to-accuracy`: when histories reach a target, the summary over seeds, errors, and a small complete run."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.bench import app
from kcifar.benchmarks.time_to_accuracy import describe_outcome, format_seed_table, make_seed_requests, make_seed_table, measure_history
from kcifar.core.command import run_command
from kcifar.core.errors import UserError
from kcifar.runs.folder import RECIPE_FILE, RunFolder

HISTORY_FILE = pd.DataFrame(
    {
        "val_accuracy": [0.5, 0.88, 0.8, 0.9],
        "images_seen": [100, 200, 300, 400],
        "seconds": [10.0, 4.0, 4.0, 4.0],
        "images_per_second": [50.0, 50.0, 25.0, 25.0],
        "compilation_seconds": [6.0, 0.0, 0.5, 0.0],
    }
)
epochs = st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1000), st.floats(0, 1), st.floats(1, 1e5)), min_size=1, max_size=30)
targets = st.floats(0, 1, exclude_min=True)
seeds = st.dictionaries(st.integers(0, 99), st.floats(0, 1), min_size=1)


def history(drawn: list[tuple[float, float, float, float]]) -> pd.DataFrame:
    accuracies, seconds, shares, speeds = (np.array(column) for column in zip(*drawn, strict=True))
    columns = {"val_accuracy": accuracies, "images_seen": 7 * np.arange(1, len(drawn) + 1), "seconds": seconds, "images_per_second": speeds}
    return pd.DataFrame(columns | {"compilation_seconds": shares * seconds})


def row(epoch: int | None, accuracy: float = 0.9) -> dict[str, Any]:
    seconds = None if epoch is None else 10.0 * epoch
    return {
        "epochs": 5,
        "val_accuracy": accuracy,
        "epoch": epoch,
        "seconds": seconds,
        "seconds_without_compilation": seconds,
        "images_per_second": 1.0,
    }


def test_the_first_epoch_at_the_target_counts_with_all_before_it() -> None:
    assert measure_history(HISTORY_FILE, 0.88) == {
        "epochs": 4,
        "val_accuracy": 0.9,
        "epoch": 2,
        "seconds": 14.0,
        "seconds_without_compilation": 8.0,
        "images_per_second": pytest.approx(400 / 12),  # 100 images in 2, 2, 4 and 4 seconds
    }


def test_a_target_that_is_not_reached_leaves_gaps() -> None:
    found = measure_history(HISTORY_FILE, 0.91)
    assert (found["epoch"], found["seconds"], found["seconds_without_compilation"]) == (None, None, None)
    assert (found["epochs"], found["val_accuracy"]) == (4, 0.9)


def test_a_history_that_does_not_know_of_compilation_leaves_that_gap_alone() -> None:
    found = measure_history(HISTORY_FILE.drop(columns="compilation_seconds"), 0.88)
    assert (found["seconds"], found["seconds_without_compilation"]) == (14.0, None)


@given(epochs, targets, targets)
def test_a_higher_target_is_reached_no_sooner(drawn: list[tuple[float, float, float, float]], one: float, other: float) -> None:
    lower, higher = (measure_history(history(drawn), target) for target in sorted([one, other]))
    if higher["epoch"] is not None:
        assert lower["epoch"] <= higher["epoch"]
        assert lower["seconds"] <= higher["seconds"]


@given(epochs, targets)
def test_what_comes_after_the_target_changes_nothing_and_compilation_only_ever_adds(
    drawn: list[tuple[float, float, float, float]], target: float
) -> None:
    found = measure_history(history(drawn), target)
    speeds = [speed for *_, speed in drawn]
    assert min(speeds) * (1 - 1e-9) <= found["images_per_second"] <= max(speeds) * (1 + 1e-9)
    if found["epoch"] is None:
        assert max(accuracy for accuracy, *_ in drawn) < target
        return
    assert measure_history(history(drawn[: found["epoch"]]), target)["seconds"] == found["seconds"]
    assert -1e-9 <= found["seconds_without_compilation"] <= found["seconds"]


def test_mean_and_deviation_are_over_the_seeds_that_reached_the_target() -> None:
    summary = make_seed_table({3: row(2, 0.8), 4: row(None, 0.7), 5: row(4, 0.9)}).set_index("seed")
    assert list(summary.index) == ["3", "4", "5", "mean", "standard deviation"]
    assert summary["epoch"].tolist() == pytest.approx([2, float("nan"), 4, 3, 2**0.5], nan_ok=True)
    assert summary.loc["mean", "seconds"] == 30
    assert summary.loc["mean", "val_accuracy"] == pytest.approx(0.8)
    assert summary.loc["standard deviation", "val_accuracy"] == pytest.approx(0.1)


@given(seeds)
def test_the_summary_is_numpys(accuracies: dict[int, float]) -> None:
    summary = make_seed_table({seed: row(1, accuracy) for seed, accuracy in accuracies.items()}).set_index("seed")["val_accuracy"]
    values = list(accuracies.values())
    assert summary["mean"] == pytest.approx(np.mean(values))
    expected = np.std(values, ddof=1) if len(values) > 1 else float("nan")
    assert summary["standard deviation"] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_it_is_shown_with_counts_as_counts_and_gaps() -> None:
    text = format_seed_table(make_seed_table({0: row(2, 0.80004), 1: row(None)}))
    assert text["epoch"].tolist()[:1] == ["2"]
    assert text["epoch"].isna().tolist() == [False, True, False, True]
    assert text["epochs"].tolist() == ["5", "5", "5.00", "0.00"]
    assert text["val_accuracy"].tolist()[0] == "0.8000"


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        ([1, 2, 3], "3 of 3 seeds reached 0.88"),
        ([1, None, 3], "2 of 3 seeds reached 0.88; the means of epoch and seconds are over these seeds"),
        ([None], "0 of 1 seeds reached 0.88"),
    ],
)
def test_the_verdict_counts_the_seeds_and_says_whom_the_means_are_over(reached: list[int | None], expected: str) -> None:
    assert describe_outcome({seed: row(epoch) for seed, epoch in enumerate(reached)}, 0.88) == expected


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(stages=[{"name": "learn", "epochs": 1, "learning_rate": 3e-3}])), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *options: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", "time-to-accuracy", *map(str, options)])
    return run_command(app)


def test_the_seeds_go_upward_from_the_recipes_own_and_never_read_the_test_part(recipe: Path, tmp_path: Path) -> None:
    requests = make_seed_requests(recipe, ["seed=7"], 3, tmp_path / "runs", None)
    assert [request.plan.recipe.document.seed for request in requests] == [7, 8, 9]
    assert [request.folder.path.name for request in requests] == ["tiny-seed7", "tiny-seed8", "tiny-seed9"]
    assert {request.plan.recipe.document.test for request in requests} == {"never"}
    assert not (tmp_path / "runs").exists()
    with pytest.raises(UserError, match="--set test=end: test: changes nothing, as --set test=never replaces it"):
        make_seed_requests(recipe, ["test=end"], 3, tmp_path / "runs", None)


def test_a_run_of_another_recipe_is_refused_before_anything_is_trained(recipe: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "tiny-seed1")
    folder.path.mkdir()
    folder.write_status("finished", 1)
    (folder / RECIPE_FILE).write_text(yaml.safe_dump(tiny_recipe(seed=1)), encoding="utf-8")
    with pytest.raises(UserError, match=r"tiny-seed1: the recipe differs from the run's in test: the run has 'end', got 'never'"):
        make_seed_requests(recipe, [], 2, tmp_path, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{recipe}"], "--target"),
        (["{recipe}", "--target", "1.5"], "--target: expected a fraction in (0, 1], such as 0.88, got 1.5"),
        (["{recipe}", "--target", "0"], "--target: expected a fraction in (0, 1], such as 0.88, got 0"),
        (["{recipe}", "--target", "nan"], "--target: expected a fraction in (0, 1], such as 0.88, got nan"),
        (["{recipe}", "--target", "high"], "'--target'"),
        (["{recipe}", "--target", "0.8", "--seeds", "0"], "'--seeds'"),
        (["{recipe}", "--target", "0.8", "--set", "dataset.validation=0"], "dataset.validation: expected a validation split, on which the target is measured, got 0"),
        (["{recipe}", "--target", "0.8", "--set", "stages.learn.epochs=0"], "stages[0].epochs: expected an integer > 0, got 0"),
        (["none.yaml", "--target", "0.8"], "none.yaml: no such file"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_nothing_is_trained(
    options: list[str], message: str, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *[option.replace("{recipe}", str(recipe)) for option in options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "runs").exists()


def test_a_backend_that_is_not_known_is_refused_before_anything_is_read(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "mxnet")
    assert run(monkeypatch, recipe, "--target", "0.5") == 2
    assert "KERAS_BACKEND: expected one of tensorflow, jax, torch, got 'mxnet'" in capsys.readouterr().err


def test_what_training_refuses_ends_it_with_trainings_own_line_and_code(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, recipe, "--target", "0.5", "--run", tmp_path, "--data", "x") == 2
    captured = capfd.readouterr()
    assert captured.err == "error: data set digits: it comes with scikit-learn; leave out --data and --url, or name another data set\n"
    assert captured.out == ""


def test_seeds_are_trained_once_each_and_summed_up(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs"
    kcifar.train(recipe, run=folder / "tiny-seed0", test="never")
    capfd.readouterr()
    written = (folder / "tiny-seed0" / "model.keras").stat().st_mtime_ns
    options = [recipe, "--target", "0.01", "--seeds", "2", "--run", folder]
    assert run(monkeypatch, *options) == 0
    out, progress = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"Time to a validation accuracy of 0.01: tiny, runs in {folder}"
    assert [line.split()[0] for line in lines[4:8]] == ["0", "1", "mean", "standard"]
    assert lines[-1] == "2 of 2 seeds reached 0.01"
    assert (folder / "tiny-seed0" / "model.keras").stat().st_mtime_ns == written
    assert progress.count("training residual_cnn") == 1
    assert "test accuracy" not in out + progress
    assert sorted(path.name for path in folder.iterdir()) == ["tiny-seed0", "tiny-seed1"]
    assert not list(folder.glob("*/test.json"))
    before = [path.stat().st_mtime_ns for path in sorted(folder.glob("*/*"))]
    assert run(monkeypatch, *options[:1], "--target", "1", *options[3:]) == 0
    again, nothing = capfd.readouterr()
    assert again.splitlines()[-1] == "0 of 2 seeds reached 1"
    assert nothing == ""
    assert [path.stat().st_mtime_ns for path in sorted(folder.glob("*/*"))] == before
