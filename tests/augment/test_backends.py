"""The same draws make the same images on every backend. JAX and PyTorch run in separate processes: a process has one backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from augment_cases import augment_cases, strong_step
from places import ROOT, SUPPORT

from kcifar.augment.geometry import RandomAffine
from kcifar.augment.operation import Occasion, Step
from kcifar.augment.pipeline import apply_all

IMAGE_SHAPE = (32, 32, 3)
COUNT = 12

# Under JAX the step is compiled with the network, so the compiled form is what must agree; torch runs as written.
SCRIPT = """
import sys
import keras, numpy as np
from kcifar.augment.pipeline import apply_all
from test_backends import compared_steps

given, results = np.load(sys.argv[1]), {}
for key, step in compared_steps().items():
    function = lambda *arrays: apply_all([step], *arrays)
    if keras.backend.backend() == "jax":
        import jax
        function = jax.jit(function)
    names = ("images", f"draws {key}", "partners", f"draws {key}")
    results[key] = keras.ops.convert_to_numpy(function(*(keras.ops.convert_to_tensor(given[name]) for name in names)))
np.savez(sys.argv[2], **results)
print(keras.backend.backend(), "tensorflow" in sys.modules)
"""


def compared_steps() -> dict[str, Step]:
    """Return every augmentation under its strong settings, and the affine map with every fill."""
    affine = {f"affine {fill}": RandomAffine(180.0, 0.3, 0.3, fill, 127.0) for fill in ("nearest", "reflect", "constant", "wrap")}
    return {key: strong_step(key) for key in augment_cases()} | affine


def smooth_images() -> np.ndarray:
    """Return waves of up to 6 gray levels from one pixel to the next, 97 to 158.

    Roundings of each backend's own move a sampled point by some 4e-6 of a pixel; what that does to an image grows with its slope,
    and in these stays far below the tolerance, while a sample taken a hundredth of a pixel away would not.
    """
    row, column = np.mgrid[:32, :32] * (2 * np.pi / 32)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (2, COUNT, 1, 1, 3))
    waves = np.sin(row[..., None] + phase[0]) + np.sin(column[..., None] + phase[1])
    return np.round(127.5 + 15 * waves).astype(np.uint8)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_draws_give_the_same_images(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    images, steps = smooth_images(), compared_steps()
    tables = {key: step.draw(Occasion(1), COUNT, IMAGE_SHAPE) for key, step in steps.items()}
    np.savez(tmp_path / "given.npz", images=images, partners=images[::-1], **{f"draws {key}": table for key, table in tables.items()})
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "given.npz"), str(tmp_path / "results.npz")]
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{Path(__file__).parent}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend, "False"]  # its own backend, and no TensorFlow beside it
    results = np.load(tmp_path / "results.npz")
    for key, step in steps.items():
        expected = keras.ops.convert_to_numpy(apply_all([step], images, tables[key], images[::-1].copy(), tables[key]))
        np.testing.assert_allclose(results[key], expected, rtol=0, atol=1e-4, err_msg=key)
