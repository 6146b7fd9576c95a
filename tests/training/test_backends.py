"""JAX and torch train the same recipes, resume bit for bit, start from the same loss, and never import TensorFlow."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from places import SUPPORT
from run_comparison import check_same_run
from tiny_recipe import TINY_MODEL, tiny_recipe

OTHER_BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("jax", "torch")
]


def run_python(backend: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KERAS_BACKEND": backend, "PRINT_IMPORTS": "1"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=240)


def train(backend: str, *options: str, point: str = "never", count: int = 1) -> subprocess.CompletedProcess[str]:
    return run_python(backend, str(SUPPORT / "fault.py"), point, str(count), *options)


@pytest.mark.slow  # CI resumes runs under each backend by test_stage_resume.py
@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_a_killed_run_resumes_bit_for_bit(backend: str, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe()))
    uninterrupted = train(backend, "--stages", str(recipe), "--run", str(tmp_path / "uninterrupted"))
    assert uninterrupted.returncode == 0, uninterrupted.stderr
    assert "tensorflow" not in uninterrupted.stdout.splitlines()[-1]
    assert backend in uninterrupted.stdout.splitlines()[-1]
    killed = train(backend, "--stages", str(recipe), "--run", str(tmp_path / "killed"), point="mid-epoch", count=23)
    assert killed.returncode == -signal.SIGKILL
    resumed = train(backend, "--run", str(tmp_path / "killed"), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    check_same_run(tmp_path / "uninterrupted", tmp_path / "killed")
    assert json.loads((tmp_path / "killed" / "environment.json").read_text())["backend"] == backend


# Builds the tiny network without dropout, loads saved weights, and prints the loss of the first batch and the imported backends.
FIRST_LOSS = """
import json, sys
import numpy as np
sys.path[:0] = sys.argv[2:]
from test_backends import compute_first_loss
print(json.dumps([compute_first_loss(sys.argv[1]), sorted({"tensorflow", "jax", "torch"} & set(sys.modules))]))
"""


def compute_first_loss(weights_file: str) -> float:
    """Return the loss of the first augmented batch under the current backend; the file is written if it does not exist."""
    from kcifar.datasets.dataset import Source
    from kcifar.datasets.load import load_dataset
    from kcifar.engine.backend import load_backend

    load_backend()
    from kcifar.engine.network import build_network, make_normalization
    from kcifar.engine.training_loop import TrainingLoop
    from kcifar.planning.batches import EpochKey
    from kcifar.planning.epoch_batches import make_epoch_batches
    from kcifar.planning.plan import make_plan
    from kcifar.recipe.load import load_recipe

    plan = make_plan(load_recipe(tiny_recipe(model=TINY_MODEL | {"dropout_rate": 0.0})))
    stage, part = plan.stages[0], load_dataset("digits", {}, Source()).train
    network = build_network(plan, (32, 32, 3), 10)
    path = Path(weights_file)
    if path.exists():
        with np.load(path) as arrays:
            network.set_weights([arrays[str(k)] for k in range(len(arrays.files))])
    else:
        arrays_by_number: dict[str, Any] = {str(k): value for k, value in enumerate(network.get_weights())}
        np.savez(path, allow_pickle=False, **arrays_by_number)
    loop = TrainingLoop(network, make_normalization("unit", (), ()), 1, "float32")
    loop.begin_stage(stage)
    losses: list[float] = []
    batches = make_epoch_batches(part, np.arange(128), EpochKey(0, 0, 0), stage.operations, 10, 128, "keep")
    loop.run_epoch(batches, {"learning_rate": np.array([1e-3])}, lambda s, loss, a: losses.append(loss))
    return losses[0]


@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_the_same_draws_and_weights_give_the_same_first_loss(backend: str, tmp_path: Path) -> None:
    reference = compute_first_loss(str(tmp_path / "weights.npz"))
    done = run_python(backend, "-c", FIRST_LOSS, str(tmp_path / "weights.npz"), str(SUPPORT), str(Path(__file__).parent))
    assert done.returncode == 0, done.stderr
    loss, imported = json.loads(done.stdout.splitlines()[-1])
    assert loss == pytest.approx(reference, abs=1e-3)
    assert backend in imported
    assert "tensorflow" not in imported


PRINT_CACHE = "from kcifar.engine.backend import load_backend; load_backend(); import jax; print(jax.config.jax_compilation_cache_dir)"


@pytest.mark.parametrize("chosen", [False, True], ids=["default", "by the user"])
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_caches_programs_in_the_cache_folder_unless_the_user_sets_another(chosen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path))
    if chosen:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "mine"))
    else:
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    done = run_python("jax", "-c", PRINT_CACHE)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path if chosen else (folder.parent == tmp_path / "jax" and folder.is_dir())


@pytest.mark.parametrize(
    ("backend", "message"),
    [("tensorflw", "KERAS_BACKEND: expected one of tensorflow, jax, torch, got 'tensorflw'; did you mean 'tensorflow'?")],
)
def test_an_unknown_backend_is_refused_in_one_line(backend: str, message: str, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe()))
    done = run_python(backend, "-m", "kcifar.train", "--stages", str(recipe), "--run", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_missing_backend_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from kcifar.core.errors import UserError
    from kcifar.engine import backend

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="KERAS_BACKEND: jax is not installed; install it with pip install"):
        backend.load_backend()
