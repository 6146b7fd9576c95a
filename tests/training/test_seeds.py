"""Several seeds in one process: each run is the one that a process of its own trains, and the mean over them is shown."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from places import ROOT, SUPPORT
from run_comparison import check_same_run
from tiny_recipe import TINY_MODEL, tiny_recipe

import kcifar
from kcifar.augment import pipeline
from kcifar.core.errors import TrainingFailed, UserError
from kcifar.training.seeds import describe_runs


def test_a_seed_after_another_is_the_run_of_that_seed_alone(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    """Three stages, the last with another optimizer: its program cannot be used for the next seed's first stage."""
    first, second = kcifar.train_seeds(tiny_recipe(), [1, 0], run=tmp_path / "mine", verbose=0)
    assert (first.path, second.path) == (tmp_path / "mine-seed1", tmp_path / "mine-seed0")
    check_same_run(tiny_run.path, second.path)
    assert first.recipe["seed"] == 1
    assert not np.array_equal(first.predictions["test_probabilities"], second.predictions["test_probabilities"])


AVERAGED = {"batch_size": 256, "augmentation": [{"name": "horizontal_flip"}], "ema": {"decay": 0.9}, "weight_decay": 0.01, "optimizer_state": "keep"}
EQUAL_STAGES = [{"name": "learn", "epochs": 1, "learning_rate": 3e-3}, {"name": "refine", "epochs": 1, "learning_rate": 1e-3}]
OTHER_RATE = [EQUAL_STAGES[0], {**EQUAL_STAGES[1], "dropout_rate": 0.4}]


@pytest.mark.parametrize(("stages", "compilations"), [(EQUAL_STAGES, 1), (OTHER_RATE, 4)])
def test_seeds_share_what_is_compiled(stages: list[dict[str, Any]], compilations: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[int] = []
    apply_all = pipeline.apply_all
    monkeypatch.setattr(pipeline, "apply_all", lambda *given: traced.append(1) or apply_all(*given))
    recipe = tiny_recipe(stages=stages, defaults=AVERAGED, test="never")
    alone = kcifar.train(recipe, run=tmp_path / "alone", verbose=0, seed=5)
    per_run = len(traced)
    _, second = kcifar.train_seeds(recipe, (4, 5), run=tmp_path / "both", verbose=0)
    check_same_weights_and_history(alone, second)
    assert len(traced) - per_run == (per_run if compilations == 1 else 2 * per_run)


def check_same_weights_and_history(first: kcifar.Run, second: kcifar.Run) -> None:
    times = ["seconds", "images_per_second", "compilation_seconds"]
    assert first.history.drop(columns=times).equals(second.history.drop(columns=times))
    for one, other in zip(first.load_model().get_weights(), second.load_model().get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_seed_that_diverges_does_not_end_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the user's fails for one seed alone."""
    from kcifar.training import trainer

    run_epoch = trainer.Trainer._train_epoch

    def fail_for_seed_1(self: Any, *given: Any) -> Any:
        if self.plan.recipe.document.seed == 1:
            raise TrainingFailed("stage 'learn', epoch 1, step 3: the loss is not finite (nan)")
        return run_epoch(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_train_epoch", fail_for_seed_1)
        with pytest.raises(TrainingFailed, match=r"^seed 1: stage 'learn', epoch 1, step 3: the loss is not finite"):
            kcifar.train_seeds(tiny_recipe(stages=EQUAL_STAGES[:1]), [1, 2], run=tmp_path / "mine")
    assert json.loads((tmp_path / "mine-seed1" / "status.json").read_text())["state"] == "failed"
    assert json.loads((tmp_path / "mine-seed2" / "status.json").read_text())["state"] == "finished"
    assert "continue with:\n  the same call with resume=True\n" in capsys.readouterr().out


def finished_run(seed: int, test: float, validation: float, seconds: float, rule: str = "end") -> Any:
    history = pd.DataFrame({"val_accuracy": [0.0, validation], "seconds": [seconds / 2] * 2})
    return SimpleNamespace(recipe={"seed": seed, "test": rule}, path=ROOT / "reports/runs/quickstart-seed0", test={"accuracy": test}, history=history)


def test_the_table_has_a_row_a_seed_and_the_mean_and_spread() -> None:
    tests, validations = [0.9, 0.94, 0.92], [0.8, 0.81, 0.85]
    lines = describe_runs([finished_run(seed, *values, 60) for seed, *values in zip((0, 1, 7), tests, validations, strict=True)])
    assert all(len(line) <= 80 for line in lines)
    assert [line.split() for line in lines[:4]] == [
        ["seed", "test", "validation", "time"],
        ["0", "90.00%", "80.00%", "60", "s"],
        ["1", "94.00%", "81.00%", "60", "s"],
        ["7", "92.00%", "85.00%", "60", "s"],
    ]
    assert lines[4].split() == ["mean", f"{mean(tests):.2%}", f"{mean(validations):.2%}"]
    assert lines[5].split() == ["standard", "deviation", f"{100 * stdev(tests):.2f}", f"{100 * stdev(validations):.2f}", "points"]
    assert "test" not in describe_runs([finished_run(0, math.nan, 0.5, 1, "never")])[0]
    assert len(describe_runs([finished_run(0, 0.9, 0.5, 1)])) == 3  # one run has no spread


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"seeds": [0, 1, 0]}, "seeds: expected different seeds, got 0, 1, 0"),
        ({"seeds": []}, "seeds: expected at least one seed"),
        ({"seeds": [0], "seed": 1}, "seeds: expected at least one seed, here and not as an override"),
        ({"seeds": [0, 1], "run": "."}, "run='.': expected a name that the run folders of the seeds begin with, got none"),
        ({"seeds": [0, 1], "run": "runs/.."}, "expected a name that the run folders of the seeds begin with"),
        ({"seeds": [0.5]}, "seeds: expected several integers, such as range(3), got [0.5]"),
        ({"seeds": [-1]}, "seed: expected an integer >= 0"),
        ({"seeds": [0], "resume": True, "overwrite": True}, "expected resume=True or overwrite=True, got both"),
        ({"seeds": [0], "sede": 1}, "unexpected keyword 'sede'; did you mean 'seed"),
    ],
)
def test_bad_seeds_are_refused(keywords: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        kcifar.train_seeds(tiny_recipe(), **{"run": tmp_path / "mine", **keywords})
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def start(*options: str, folder: Path, point: str = "never", count: int = 1, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(SUPPORT / "fault.py"), point, str(count), "--stages", "tiny.yaml", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interruption_in_the_second_seed_names_the_command_that_goes_on(tmp_path: Path) -> None:
    recipe = tiny_recipe(stages=EQUAL_STAGES[:1], model=TINY_MODEL | {"dropout_rate": 0.0})
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    process = start("--seeds", "2", "--overwrite", folder=tmp_path, point="mid-epoch", count=13, BLOCK="1")
    assert process.stderr is not None
    assert process.stderr.readline() == "blocked\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=5)
    assert process.returncode == 143
    assert (
        "interrupted before the state of an epoch was saved: training begins again; continue with:\n  python -m kcifar.train --stages tiny.yaml --seeds 2 --resume\n"
        in out
    )
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "tiny-seed0").rglob("*") if path.name != ".lock"}
    resumed = start("--seeds", "2", "--resume", folder=tmp_path)
    out, err = resumed.communicate(timeout=120)
    assert (resumed.returncode, err) == (0, "")
    assert "runs/tiny-seed0: the run is finished; nothing to do\n" in out
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    accuracies = [kcifar.open_run(tmp_path / f"runs/tiny-seed{seed}").test["accuracy"] for seed in (0, 1)]
    assert f"mean  {mean(accuracies):>12.2%}" in out
