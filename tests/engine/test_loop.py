"""The epoch loop: batches fed by the host or made on the device train the same, and every update is reported.

All of it holds on every backend: the last test runs this file under the others.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from stage_driver import digits, new_driver, weights

from kcifar.augment import pipeline
from kcifar.core.errors import TrainingFailed
from kcifar.engine import loop
from kcifar.engine.driver import EpochMetrics
from kcifar.planning.batches import EpochBatches, EpochKey, epoch_batches
from kcifar.planning.plan import StagePlan

BACKEND = keras.config.backend()
MODEL = {"name": "residual_cnn", "widths": [4], "convolutions": [1], "dense_units": [], "dropout_rate": 0.2}
SETTINGS: dict[str, Any] = {"batch_size": 8, "class_weight": [1.0, 2.0] + [1.0] * 8, "augmentation": [{"name": "horizontal_flip"}, {"name": "mixup"}]}
# Two chunks of 17 updates on the device, then a smaller batch.
IMAGES, UPDATES, WILD = 34 * 8 + 5, 35, 20
WAYS = ("fed", "resident")


@dataclass
class Trained:
    """What two epochs in one of the two ways left, and a third whose rate is out of all bounds from one update on."""

    weights: dict[str, np.ndarray]
    metrics: list[EpochMetrics]
    seen: list[list[tuple[int, float, float]]] = field(default_factory=list)
    traces: list[int] = field(default_factory=list)
    copies: int = 0
    compilations: int = 0
    error: str = ""


def batches_of(stage: StagePlan, epoch: int, images: int = IMAGES) -> EpochBatches:
    weights = np.array(stage.settings.class_weight, np.float32)
    return epoch_batches(digits(), np.arange(images), EpochKey(0, 0, epoch), stage.operations, 10, 8, "keep", class_weights=weights)


def train_in(way: str, monkeypatch: pytest.MonkeyPatch) -> Trained:
    traced, copied, part = [], [], digits()
    apply_all, put_on_device = pipeline.apply_all, loop.put_on_device
    monkeypatch.setattr(pipeline, "apply_all", lambda *given: traced.append(1) or apply_all(*given))
    monkeypatch.setattr(loop, "put_on_device", lambda part: copied.append(1) or put_on_device(part))
    driver, stage = new_driver(MODEL, resident=way == "resident", **SETTINGS)
    found = Trained({}, [])

    def run(epoch: int, rates: np.ndarray) -> None:
        seen: list[tuple[int, float, float]] = []
        found.seen.append(seen)
        batches = batches_of(stage, epoch)
        object.__setattr__(batches, "part", part)  # the same arrays in every epoch, as in a run
        found.metrics.append(driver.run_epoch(batches, {"learning_rate": rates}, lambda *given: seen.append(given)))

    for epoch in range(2):
        driver.begin_stage(stage)  # one that changes numbers alone
        run(epoch, np.full(UPDATES, 0.05))
        found.traces.append(len(traced))
        assert driver._program is not None
        found.compilations = driver._program.compilations
    found.weights, found.copies = weights(driver), len(copied)
    driver.begin_stage(stage)
    with pytest.raises(TrainingFailed) as error:
        run(2, np.where(np.arange(UPDATES) < WILD, 0.05, 1e38))
    found.error = str(error.value)
    return found


@pytest.fixture(scope="module")
def trained() -> Iterator[dict[str, Trained]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield {way: train_in(way, monkeypatch) for way in WAYS}


def test_both_ways_train_the_same(trained: dict[str, Trained]) -> None:
    # JAX compiles a scan's step together with the making of its batch, and so rounds otherwise.
    tolerance = 1e-4 if BACKEND == "jax" else 0.0
    fed, resident = trained["fed"], trained["resident"]
    for path, value in fed.weights.items():
        np.testing.assert_allclose(resident.weights[path], value, rtol=0, atol=tolerance, err_msg=path)
    for one, other in zip(fed.seen[:2], resident.seen[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("way", WAYS)
def test_each_update_is_reported_once_and_in_order(trained: dict[str, Trained], way: str) -> None:
    for seen, metrics in zip(trained[way].seen, trained[way].metrics, strict=False):
        assert [step for step, _, _ in seen] == list(range(1, UPDATES + 1))
        assert seen[-1][1:] == (metrics.loss, metrics.accuracy)  # means over the epoch


@pytest.mark.parametrize("way", WAYS)
def test_the_means_begin_anew_in_each_epoch(trained: dict[str, Trained], way: str) -> None:
    """A share of the images seen so far in the epoch, times their number, is a number of images."""
    for seen in trained[way].seen:
        hits = np.array([accuracy * min(8 * step, IMAGES) for step, _, accuracy in seen])
        np.testing.assert_allclose(hits, hits.round(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_that_is_not_finite_is_named_by_its_update(trained: dict[str, Trained], way: str) -> None:
    """The wild rate is that of update 21 (in the middle of the second chunk), so that the loss of update 22 is the first to suffer."""
    assert trained[way].error.startswith(f"step {WILD + 2}: the loss is not finite (")
    assert [step for step, _, _ in trained[way].seen[2]] == list(range(1, WILD + 2))


@pytest.mark.skipif(BACKEND == "torch", reason="torch compiles nothing")
@pytest.mark.parametrize("way", WAYS)
def test_compiles_once_for_each_batch_size(trained: dict[str, Trained], way: str) -> None:
    found = trained[way]
    assert found.compilations == 2
    assert found.traces[1] == found.traces[0]
    assert found.metrics[0].compilation_seconds > 0


@pytest.mark.parametrize("way", WAYS)
def test_what_was_compiled_costs_the_next_epoch_nothing(trained: dict[str, Trained], way: str) -> None:
    assert trained[way].metrics[1].compilation_seconds == 0


def test_the_data_set_is_copied_to_the_device_once(trained: dict[str, Trained]) -> None:
    assert (trained["fed"].copies, trained["resident"].copies) == (0, 1)


class Chosen(Exception):
    """Raised in place of training."""


@pytest.mark.parametrize(
    ("has_gpu", "device_bytes", "chosen"),
    [(False, None, "fed_calls"), (True, None, "resident_calls"), (True, 1000, "fed_calls"), (True, 10**9, "resident_calls")],
)
def test_the_data_set_is_resident_on_gpus_that_hold_it_with_ease(
    has_gpu: bool, device_bytes: int | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(*given: Any) -> Any:
        raise Chosen

    driver, stage = new_driver(MODEL, **SETTINGS)  # before there is a GPU, which would change how the step is compiled
    monkeypatch.setattr(loop, "has_gpu", lambda: has_gpu)
    monkeypatch.setattr(loop, "device_bytes", lambda: device_bytes)
    monkeypatch.setattr(loop, chosen, choose)
    with pytest.raises(Chosen):
        driver.run_epoch(batches_of(stage, 0, 8), {"learning_rate": np.zeros(1)}, lambda *given: None)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="is itself one of the other backends")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_holds_on_the_other_backends(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", __file__, str(Path(__file__).with_name("test_resident.py"))]
    environment = os.environ | {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}  # torch's threads wait for each other at this size
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
