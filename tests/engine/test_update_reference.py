"""Every optimizer with every setting of its updates computes, on every backend, what plain NumPy computes from the formulas."""

import json
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from places import ROOT, SUPPORT
from reference_updates import ReferenceTraining
from update_cases import BATCH, CLASSES, find_tables, make_cases, make_images, make_start

CASES = make_cases()
# Muon's iteration magnifies roundings of float32; the others are exact to a few of them.
TOLERANCES = {"muon": 1e-3}


@cache
def run_on(backend: str) -> dict[str, dict[str, list[float]]]:
    """Return the weights after every case, by case and path, from a process of its own."""
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, SUPPORT / "update_cases.py"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    results: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
    return results


def compute_expected(case: str) -> dict[str, np.ndarray]:
    training = ReferenceTraining({path: value.astype(float) for path, value in make_start().items()})
    for index, settings in enumerate(CASES[case]):
        part = make_images(index, settings["accumulate"])
        inputs, targets = part.images.reshape(len(part), -1) / 255, np.eye(CLASSES)[part.labels]
        batches = [(inputs[first : first + BATCH], targets[first : first + BATCH]) for first in range(0, len(part), BATCH)]
        training.run_stage(settings, find_tables(settings), batches)
    return training.weights


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_updates_equal_the_reference(backend: str, case: str) -> None:
    pytest.importorskip(backend)
    results, tolerance = run_on(backend)[case], TOLERANCES.get(case.split(",")[0], 2e-5)
    for path, expected in compute_expected(case).items():
        np.testing.assert_allclose(results[path], expected.ravel(), rtol=tolerance, atol=tolerance, err_msg=path)


@pytest.mark.parametrize("case", CASES)
def test_every_case_moves_every_weight(case: str) -> None:
    """So that equal weights mean equal updates: each moves by more than the tolerance allows."""
    expected, start = compute_expected(case), make_start()
    assert min(np.abs(expected[path] - start[path]).max() for path in start) > 5e-3
