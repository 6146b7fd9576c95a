"""`--plot-schedule` and `--find-lr`: what they show, and that nothing else of them stays."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from places import ROOT
from tiny_recipe import tiny_recipe

from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.training.schedule_figure import draw_schedule

STAGES = [
    {
        "name": "rise",
        "epochs": 2,
        "learning_rate": {"name": "one_cycle", "peak": 0.1},
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "weight_decay": 0.01,
    },
    {"name": "fall", "epochs": 1, "learning_rate": 0.001},
]


def kcifar_train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(tiny_recipe(stages=STAGES)), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kcifar.train", "--stages", "tiny.yaml", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_picture_of_the_schedules_has_a_panel_for_each_value_and_every_update() -> None:
    plan = make_plan(load_recipe(tiny_recipe(stages=STAGES)))
    panels = draw_schedule(plan, 1150).axes
    assert [panel.get_ylabel() for panel in panels[:3]] == ["learning rate", "momentum", "weight decay"]
    first, second = panels[0].lines[:2]
    rates = plan.stages[0].learning_rates(1150)
    assert np.array_equal(np.asarray(first.get_ydata())[:-1], rates)
    assert (np.asarray(first.get_xdata())[[0, -1]] == [0, 2]).all()
    assert (np.asarray(second.get_xdata())[[0, -1]] == [2, 3]).all()
    assert set(np.asarray(panels[1].lines[1].get_ydata())) == {0.9}  # Adam's beta_1
    assert len(panels[2].lines) == 1  # the decay of one stage
    (boundaries,) = panels[2].collections
    assert [segment.tolist() for segment in boundaries.get_segments()] == [[[2, 0], [2, 1]]]


def test_plot_schedule_writes_the_picture_and_trains_nothing(tmp_path: Path) -> None:
    done = kcifar_train(tmp_path, "--plot-schedule", "rates.png")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "rates.png") as picture:
        assert picture.width > 600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.png", "tiny.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plot-schedule", "rates.gif"), "--plot-schedule rates.gif: expected a file that ends in .png or .svg"),
        (("--plot-schedule", "missing/rates.png"), "expected a folder that exists"),
        (("--find-lr", "--dry-run"), "--dry-run, --find-lr: expected one of them, got 2"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = kcifar_train(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_find_lr_leaves_a_curve_and_a_picture_and_nothing_else(tmp_path: Path) -> None:
    done = kcifar_train(tmp_path, "--find-lr")
    assert done.returncode == 0, done.stderr
    assert "suggested learning rate" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == ["find-lr/tiny.csv", "find-lr/tiny.png", "tiny.yaml"]
    rows = list(csv.DictReader((tmp_path / "find-lr/tiny.csv").read_text().splitlines()))
    rates = np.array([float(row["learning_rate"]) for row in rows])
    assert 20 < len(rows) <= 200
    assert rates[1:] / rates[:-1] == pytest.approx(rates[1] / rates[0])
    assert float(rows[0]["loss"]) == pytest.approx(2.3, abs=0.8)  # ln 10, before anything is learnt
