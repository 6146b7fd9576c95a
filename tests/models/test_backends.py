"""The same weights give the same outputs on TensorFlow, JAX and torch, and torch's profiler counts what `summarize_model` counts.

Run with `pytest -m zoo`. One variant of each family; each backend in one process of its own, which builds all of them.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from model_battery import IMAGE_SHAPE, NUM_CLASSES, Subject, disturbed, family, logits_of, normalized_images

from kcifar.engine.network import collect_variables
from kcifar.models import MODELS
from kcifar.models.build import sketch_model
from kcifar.models.summary import summarize_model

pytestmark = pytest.mark.zoo

ONE_OF_EACH = [
    "airbench96",
    "cct_7_3x1",
    "convmixer_256_8",
    "densenet_bc_100_12",
    "lenet_bn",
    "preact_resnet18",
    "quizdnn",
    "residual_cnn",
    "resnet20",
    "resnext29_32x4d",
    "vgg13",
    "vit",
    "wrn_16_4",
]
OTHERS = [
    pytest.param(name, marks=pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("jax", "torch")
]

# Gives each network the saved weights and saves its logits; prints what torch counted, and what was imported.
ANSWER = """
import json, sys
from pathlib import Path
import keras, numpy as np
from kcifar.engine.network import collect_variables
from kcifar.models.build import make_builder

folder, counts = Path(sys.argv[1]), {}
images = np.load(folder / "images.npy")
for name in sys.argv[2:]:
    network = make_builder(name, images.shape[1:], 10)()
    variables = collect_variables(network)
    with np.load(folder / f"{name}.npz") as saved:
        for path, value in saved.items():
            variables[path].assign(value)
    np.save(folder / f"{name}.npy", network.predict_on_batch(images))  # compiled as a whole: JAX is slow operation by operation
    if keras.backend.backend() == "torch":
        from torch.utils.flop_counter import FlopCounterMode
        with FlopCounterMode(display=False) as counter:
            network(images[:1], training=False)
        counts[name] = counter.get_total_flops()
print(json.dumps([counts, sorted({"tensorflow", "jax", "torch"} & set(sys.modules))]))
"""


def save_weights(network: keras.Model, path: Path) -> None:
    """Save every number but the states of seed generators, by path."""
    floats = {path: variable for path, variable in collect_variables(network).items() if keras.backend.is_float_dtype(variable.dtype)}
    arrays: dict[str, Any] = {path: keras.ops.convert_to_numpy(variable.value) for path, variable in floats.items()}
    np.savez(path, allow_pickle=False, **arrays)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """Return a folder with images and weights, and TensorFlow's logits."""
    folder, images, logits = tmp_path_factory.mktemp("weights"), normalized_images(4), {}
    np.save(folder / "images.npy", images)
    for name in ONE_OF_EACH:
        network = disturbed(Subject(name).build())
        save_weights(network, folder / f"{name}.npz")
        logits[name] = logits_of(network, images)
    return folder, logits


def answers_of(backend: str, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, int], list[str]]:
    """Return a backend's logits, the floating-point operations that it counted, and the backends that were imported."""
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", ANSWER, str(folder), *ONE_OF_EACH], env=environment, capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    counts, imported = json.loads(done.stdout.splitlines()[-1])
    return {name: np.load(folder / f"{name}.npy") for name in ONE_OF_EACH}, counts, imported


@pytest.mark.parametrize("backend", OTHERS)
def test_the_same_weights_give_the_same_logits(backend: str, expected: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, logits = expected
    answers, counts, imported = answers_of(backend, folder)
    assert backend in imported
    assert "tensorflow" not in imported
    differences = {name: float(np.abs(answers[name] - logits[name]).max() / np.abs(logits[name]).max()) for name in ONE_OF_EACH}
    assert {name: difference for name, difference in differences.items() if not difference < 1e-4} == {}
    sizes = {name: summarize_model(sketch_model(name, IMAGE_SHAPE, NUM_CLASSES))["multiply_accumulates"] for name in counts}
    assert {name: count / 2 for name, count in counts.items()} == sizes  # a product and a sum each


def test_every_family_takes_part() -> None:
    assert sorted(family(name) for name in ONE_OF_EACH) == sorted({family(name) for name in MODELS.names()})
