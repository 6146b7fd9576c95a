"""`--dry-run`: what it shows, what it refuses, and what it leaves alone: the network, the folder, the backend that trains."""

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from places import ROOT
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.core.errors import UserError
from kcifar.core.processor import count_cores, read_processor_name
from kcifar.datasets import cifar
from kcifar.datasets.dataset import DownloadNeeded, Source
from kcifar.datasets.load import load_dataset
from kcifar.models.build import sketch_model
from kcifar.models.summary import summarize_model
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.training import cost_estimate, dry_run
from kcifar.training.cost_estimate import estimate_bytes, estimate_seconds

STAGES = [
    {"name": "learn", "epochs": 2, "learning_rate": {"name": "cosine", "value": 0.1}},
    {"name": "refine", "epochs": 1, "learning_rate": 1e-3, "batch_size": 32},
]


def shown(recipe: dict[str, Any], capsys: pytest.CaptureFixture[str], runs: Path, data: Path | None = None) -> str:
    dry_run.print_plan(make_plan(load_recipe(recipe)), data, None, runs, has_user_parts=False)
    return capsys.readouterr().out


def test_the_plan_has_stages_data_network_and_estimates_in_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(dry_run, "_GPU", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    out = shown(tiny_recipe(), capsys, Path("runs"))
    lines = [line.split() for line in out.splitlines()]
    assert lines[:4] == [
        ["stage", "epochs", "batch", "updates", "learning", "rate"],
        ["learn", "2", "128", "18", "0.003"],
        ["refine", "1", "128", "9", "0.001"],
        ["polish", "1", "128", "9", "0.0001"],
    ]
    assert "data set  digits: 1,150 train, 287 validation, 360 test\n" in out
    assert "network   residual_cnn: 8,922 parameters, 8,898 trainable\n" in out
    assert "backend   tensorflow, float32\n" in out
    assert "by a rule of thumb; runs/ has no run of this network\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "normalization" not in out  # the resolved recipe is long, and shown with --full
    assert list(tmp_path.iterdir()) == []


def test_the_resolved_recipe_is_shown_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(load_recipe(tiny_recipe()))
    dry_run.print_recipe(plan)
    assert yaml.safe_load(capsys.readouterr().out) == plan.to_dict()


def test_nothing_is_downloaded(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(cifar, "download", lambda *given: pytest.fail("it downloads"))
    out = shown(tiny_recipe(dataset={"name": "cifar100", "validation": 0.1}), capsys, Path("none"))
    assert "cifar100: 45,000 train, 5,000 validation, 10,000 test\n" in out
    assert "not on this machine; training downloads 169 MB:\n" in out
    assert f"{' ' * 10}https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz\n" in out
    assert max(map(len, out.splitlines())) <= 80
    with pytest.raises(UserError, match=r"dataset\.validation: expected fewer than the 50000 training images"):
        shown(tiny_recipe(dataset={"name": "cifar10", "validation": 50_000}), capsys, tmp_path)
    with pytest.raises(UserError, match=r"cannot be read|no such file|expected"):  # files that are named must be there
        shown(tiny_recipe(dataset={"name": "cifar10"}), capsys, tmp_path, tmp_path / "nothing.tar.gz")


def test_the_stand_in_has_the_official_classes_and_takes_no_memory() -> None:
    with pytest.raises(DownloadNeeded, match="the download from http://mirror/x is not allowed") as caught:
        load_dataset("cifar10", {}, Source(None, "http://mirror/x", may_download=False))
    dataset = caught.value.stand_in
    assert (len(dataset.train), len(dataset.test or ()), dataset.image_shape, len(dataset.class_names)) == (50_000, 10_000, (32, 32, 3), 10)
    assert np.bincount(dataset.train.labels).tolist() == [5000] * 10
    assert dataset.train.images.base is not None
    assert dataset.train.images.strides == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"defaults": {"l2": {"value": 0.1, "layers": "convolution*"}}}, "l2.layers: expected a pattern that matches a layer with a kernel"),
        ({"defaults": {"freeze": ["*"]}}, "expected at least one layer to stay trainable"),
        ({"stages": [{**STAGES[0], "image_size": 16}]}, "expected a network whose weights fit every image size, got 'residual_cnn'"),
        ({"stages": [{**STAGES[1], "class_weight": [1, 2]}]}, "class_weight: expected 10 weights, one per class, got 2"),
        ({"stages": [{**STAGES[1], "init_from": {"run": "nothing"}}]}, "init_from: expected a finished run with model.keras, got 'nothing'"),
        ({"model": {"name": "lenet", "dropout": 0.1}}, "dropout"),
    ],
)
def test_what_training_refuses_is_refused(changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError) as caught:
        shown(tiny_recipe(**changes), capsys, tmp_path)
    assert message in str(caught.value)


def test_the_command_takes_less_than_three_seconds_and_not_the_backend_that_trains(tmp_path: Path) -> None:
    """Of processor time, on an ordinary machine; twice that is allowed here, where other processes may slow it down."""
    spy = (
        "import runpy, sys\nsys.argv = ['kcifar.train', '--stages', 'three_stage', '--dry-run']\ntry:\n    runpy.run_module('kcifar.train', run_name='__main__')\n"
        "finally:\n    print(sorted({'tensorflow', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("KERAS_BACKEND", "JAX_PLATFORMS")} | {"PYTHONPATH": str(ROOT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([sys.executable, "-c", spy], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert (done.returncode, done.stderr) == (0, "")
    assert "backend   tensorflow, " in done.stdout  # what trains, though another backend sketched
    assert done.stdout.splitlines()[-1] in ("[]", "['tensorflow']")  # the latter without JAX
    assert seconds < 6
    assert list(tmp_path.iterdir()) == []


def make_run(folder: Path, size: dict[str, Any], images: int, seconds: float, **changes: Any) -> None:
    folder.mkdir(parents=True)
    environment = {"processor": read_processor_name(), "cores": count_cores(), "backend": "tensorflow", "precision": "float32", "devices": ["cpu:0"]}
    (folder / "model.json").write_text(json.dumps(size))
    (folder / "environment.json").write_text(json.dumps(environment | changes))
    (folder / "status.json").write_text("{}")
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["images_seen", "seconds"])
        writer.writeheader()
        writer.writerows({"images_seen": images * part // 2, "seconds": seconds / 2} for part in (1, 2))


def test_the_time_is_that_of_earlier_runs_of_the_network_on_this_machine(tmp_path: Path) -> None:
    size = summarize_model(sketch_model("lenet", (32, 32, 3), 10))
    make_run(tmp_path / "here", size, 1000, 2.0)
    make_run(tmp_path / "elsewhere", size, 1000, 1.0, processor="another")
    make_run(tmp_path / "gpu", size, 1000, 0.1, devices=["gpu:0"])
    make_run(tmp_path / "other", size | {"parameters": 1}, 1000, 1.0)
    make_run(tmp_path / "damaged", size, 1000, 1.0)
    (tmp_path / "damaged" / "history.csv").write_text("images_seen,seconds\nx")
    estimate = estimate_seconds(size, 5000, "tensorflow", "float32", tmp_path)
    assert (estimate.lowest, estimate.highest) == (10.0, 10.0)
    assert estimate.basis == f"the speed of {tmp_path / 'here'}"
    make_run(tmp_path / "slower", size, 1000, 4.0)
    estimate = estimate_seconds(size, 5000, "tensorflow", "float32", tmp_path)
    assert (estimate.lowest, estimate.highest) == (10.0, 20.0)
    assert estimate.basis.endswith(" and 1 more")
    assert "rule of thumb" in estimate_seconds(size, 5000, "jax", "float32", tmp_path).basis


COMMITTED = sorted(path.name for path in (ROOT / "reports/runs").iterdir() if (path / "history.csv").exists())


@pytest.mark.parametrize("name", COMMITTED)
def test_the_rule_of_thumb_holds_for_every_committed_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = kcifar.open_run(ROOT / "reports/runs" / name)
    if run.environment["devices"] != ["cpu:0"]:
        pytest.skip("the rule is for processors")
    monkeypatch.setattr(cost_estimate, "count_cores", lambda: run.environment["cores"])
    images, seconds = int(run.history["images_seen"].iloc[-1]), run.history["seconds"].sum()
    estimate = estimate_seconds(run.model_summary, images, "tensorflow", run.environment["precision"], tmp_path)
    assert estimate.lowest < seconds < estimate.highest


def test_memory_counts_weights_slots_and_the_outputs_of_a_batch() -> None:
    size = {"parameters": 10_000_000, "layers": [{"output_shape": [32, 32, 64]}, {"output_shape": [10]}]}
    base = cost_estimate.BACKEND_BYTES + 1000
    assert estimate_bytes(size, 0, 0, 1000, "float32") == base + 4 * 2 * 10_000_000
    assert estimate_bytes(size, 0, 2, 1000, "float32") == base + 4 * 4 * 10_000_000
    assert estimate_bytes(size, 64, 0, 1000, "float32") - estimate_bytes(size, 0, 0, 1000, "float32") == 2 * 64 * 65_546 * 4
    assert estimate_bytes(size, 64, 0, 1000, "mixed_bfloat16") - estimate_bytes(size, 0, 0, 1000, "float32") == 2 * 64 * 65_546 * 2


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    from kcifar.datasets.digits import _read_rows

    bunch, rows = load_digits(), _read_rows()
    assert np.array_equal(rows[:, :-1].reshape(-1, 8, 8), bunch.images)
    assert np.array_equal(rows[:, -1], bunch.target)
