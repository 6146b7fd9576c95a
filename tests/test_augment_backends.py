"""The same draws make the same images on every backend. JAX and torch run in a process of their own: a process has one backend."""

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

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.pipeline import apply_all

ROOT = Path(__file__).parents[1]
IMAGE_SHAPE = (32, 32, 3)
COUNT = 12

AFFINE = {"rotation": 180.0, "width_shift": 0.3, "height_shift": 0.3, "fill_value": 127.0}
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in AUGMENTATIONS.names()),
    *(("random_affine", AFFINE | {"fill": fill}) for fill in ("nearest", "reflect", "constant", "wrap")),
]

# Under JAX the step is compiled with the network, so the compiled form is what must agree; torch runs as written.
SCRIPT = """
import json, sys
import keras, numpy as np
from kcifar.augment import AUGMENTATIONS
from kcifar.augment.pipeline import apply_all

given, results = np.load(sys.argv[1]), {}
for position, (name, settings) in enumerate(json.loads(sys.argv[3])):
    operation = AUGMENTATIONS.get(name)(**settings)
    step = lambda images, draws: apply_all([operation], images, draws)
    if keras.backend.backend() == "jax":
        import jax
        step = jax.jit(step)
    images = step(keras.ops.convert_to_tensor(given["images"]), keras.ops.convert_to_tensor(given[str(position)]))
    results[str(position)] = keras.ops.convert_to_numpy(images)
np.savez(sys.argv[2], **results)
print(keras.backend.backend(), "tensorflow" in sys.modules)
"""


def smooth_images() -> np.ndarray:
    """Return waves of up to 6 grey levels from one pixel to the next, 97 to 158.

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
    images = smooth_images()
    operations = [AUGMENTATIONS.get(name)(**settings) for name, settings in CASES]
    tables = [operation.draw(np.random.default_rng(1), COUNT, IMAGE_SHAPE) for operation in operations]
    np.savez(tmp_path / "given.npz", images=images, **{str(position): table for position, table in enumerate(tables)})
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "given.npz"), str(tmp_path / "results.npz"), json.dumps(CASES)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend, "False"]  # its own backend, and no TensorFlow beside it
    results = np.load(tmp_path / "results.npz")
    for position, (operation, table) in enumerate(zip(operations, tables, strict=True)):
        expected = keras.ops.convert_to_numpy(apply_all([operation], images, table))
        np.testing.assert_allclose(results[str(position)], expected, rtol=0, atol=1e-4, err_msg=str(CASES[position]))
