"""Settings and recipes that the tests share. Nothing here touches the user's caches or needs the network."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("kcifar", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("kcifar")

TINY_MODEL = {"name": "residual_cnn", "widths": [4, 8], "convolutions": [1, 1], "dense_units": [16], "dropout_rate": 0.2}
AUGMENTATION = [{"name": "random_affine", "rotation": 10, "width_shift": 0.1, "height_shift": 0.1}, {"name": "horizontal_flip"}]


def tiny_recipe(**changes: Any) -> dict[str, Any]:
    """Return a recipe that trains real images in seconds: digits, three stages, four epochs, dropout and augmentation at work."""
    recipe: dict[str, Any] = {
        "name": "tiny",
        "dataset": {"name": "digits", "validation": 0.2},
        "model": TINY_MODEL,
        "precision": "float32",
        "log_every": 3,
        "defaults": {"batch_size": 128, "l2": {"value": 1e-4, "layers": "*_conv*"}, "augmentation": AUGMENTATION},
        "stages": [
            {"name": "learn", "epochs": 2, "learning_rate": 3e-3},
            {"name": "refine", "epochs": 1, "learning_rate": 1e-3},
            {"name": "polish", "epochs": 1, "learning_rate": 1e-4, "optimizer": {"name": "sgd", "momentum": 0.9}},
        ],
    }
    return recipe | changes


@pytest.fixture(scope="session", autouse=True)
def private_caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests away from the user's own caches."""
    os.environ["KCIFAR_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a finished run of the tiny recipe, trained once for all tests; they must not change it."""
    import kcifar

    return kcifar.train(tiny_recipe(), run=tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """Return a valid recipe file that a test may spoil."""
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE_TEXT, encoding="utf-8")
    return path


RECIPE_TEXT = """\
name: mine
seed: 0
dataset: {name: digits, validation: 0.2}
model:
  name: residual_cnn
  widths: [4, 8]
  convolutions: [1, 1]
defaults:
  batch_size: 64
  augmentation:
    - {name: horizontal_flip}
stages:
  - {name: learn, epochs: 2, learning_rate: 1e-3}
  - name: refine
    epochs: 1
    learning_rate: 1e-4
"""
