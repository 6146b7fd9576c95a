"""Determinism is a run's own: while it lasts the backend refuses or avoids what varies, and afterwards it is as it was. Under every backend."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from places import ROOT
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.engine.determinism import use_determinism

BACKEND = keras.config.backend()
VARIABLES = ("XLA_FLAGS", "CUBLAS_WORKSPACE_CONFIG")


def is_deterministic() -> bool:
    """Ask the backend itself; under JAX the flags that XLA will read."""
    if BACKEND == "tensorflow":
        return bool(importlib.import_module("tensorflow.python.framework.config").is_op_determinism_enabled())
    if BACKEND == "torch":
        return bool(importlib.import_module("torch").are_deterministic_algorithms_enabled())
    return "--xla_gpu_deterministic_ops=true" in os.environ.get("XLA_FLAGS", "").split()


def read_variables() -> dict[str, str]:
    """Return those of the environment variables that are set."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@pytest.fixture(params=[None, "--xla_cpu_enable_fast_math=false"])
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv("XLA_FLAGS", request.param)
    yield read_variables()
    assert not is_deterministic()


def test_it_ends_with_the_block_even_after_an_error(environment: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        _fail_inside()
    assert read_variables() == environment


def _fail_inside() -> None:
    with use_determinism(True):
        assert is_deterministic()
        for enabled in (True, False):
            with use_determinism(enabled):
                assert is_deterministic()
            assert is_deterministic()  # a setting that was there before a run outlives it
        raise KeyError


def test_it_is_on_while_a_run_trains_and_off_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kcifar.engine.training_loop import TrainingLoop

    seen, run_epoch = [], TrainingLoop.run_epoch

    def watch(loop: TrainingLoop, *arguments: object) -> object:
        seen.append(is_deterministic())
        return run_epoch(loop, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainingLoop, "run_epoch", watch)
    stages = [{"name": "only", "epochs": 1, "learning_rate": 1e-3}]
    for deterministic in (True, False):
        kcifar.train(tiny_recipe(stages=stages, deterministic=deterministic), run=tmp_path / str(deterministic), verbose=0)
    assert seen == [True, False]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="runs this file under the other backends")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_other_backends_do_the_same(backend: str) -> None:
    pytest.importorskip(backend)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(Path(__file__)), "-k", "block"]
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
