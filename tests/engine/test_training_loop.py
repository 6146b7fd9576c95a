"""The training loop: batches fed by the host or made on the device give the same results, and every update is reported.

All of this is true for every backend: the last test runs this file under the others.
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
from stage_loop import begin_new_stage, copy_weights, load_digits

from kcifar.augment import pipeline
from kcifar.core.errors import TrainingFailed
from kcifar.engine import training_loop
from kcifar.engine.epoch import EpochMetrics, OnBatch, ProgramCall
from kcifar.planning.batches import EpochBatches, EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.stage_plan import StagePlan

BACKEND = keras.config.backend()
MODEL = {"name": "residual_cnn", "widths": [4], "convolutions": [1], "dense_units": [], "dropout_rate": 0.2}
SETTINGS: dict[str, Any] = {"batch_size": 8, "class_weight": [1.0, 2.0] + [1.0] * 8, "augmentation": [{"name": "horizontal_flip"}, {"name": "mixup"}]}
# Two chunks of 17 updates on the device, then a smaller batch.
IMAGES, UPDATES, LAST_SAFE_UPDATE = 34 * 8 + 5, 35, 20
WAYS = ("fed", "resident")


@dataclass
class Result:
    """The result of two epochs in one of the two ways, and of a third whose learning rate explodes from one update on."""

    weights: dict[str, np.ndarray] = field(default_factory=dict)
    metrics: list[EpochMetrics] = field(default_factory=list)
    reports: list[list[tuple[int, float, float]]] = field(default_factory=list)
    images: list[list[int]] = field(default_factory=list)  # of each call in each epoch
    traces: list[int] = field(default_factory=list)
    copies: int = 0
    compilations: int = 0
    error: str = ""


def make_batches(stage: StagePlan, epoch: int, images: int = IMAGES) -> EpochBatches:
    weights = np.array(stage.settings.class_weight, np.float32)
    return make_epoch_batches(load_digits(), np.arange(images), EpochKey(0, 0, epoch), stage.operations, 10, 8, "keep", class_weights=weights)


def train_in(way: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    traced, copied, part = [], [], load_digits()
    apply_all, put_on_device = pipeline.apply_all, training_loop.put_on_device
    monkeypatch.setattr(pipeline, "apply_all", lambda *arguments: traced.append(1) or apply_all(*arguments))
    monkeypatch.setattr(training_loop, "put_on_device", lambda part: copied.append(1) or put_on_device(part))
    run_calls = training_loop.run_calls
    result = Result()

    def record_images(calls: Iterator[ProgramCall], on_batch: OnBatch) -> EpochMetrics:
        images: list[int] = []
        result.images.append(images)
        return run_calls((images.append(call.images) or call for call in calls), on_batch)  # type: ignore[func-returns-value]

    monkeypatch.setattr(training_loop, "run_calls", record_images)
    loop, stage = begin_new_stage(MODEL, resident=way == "resident", **SETTINGS)

    def run(epoch: int, rates: np.ndarray) -> None:
        reports: list[tuple[int, float, float]] = []
        result.reports.append(reports)
        batches = make_batches(stage, epoch)
        object.__setattr__(batches, "part", part)  # the same arrays in every epoch, as in a run
        result.metrics.append(loop.run_epoch(batches, {"learning_rate": rates}, lambda *report: reports.append(report)))

    for epoch in range(2):
        loop.begin_stage(stage)  # changes only numbers
        run(epoch, np.full(UPDATES, 0.05))
        result.traces.append(len(traced))
        assert loop._program is not None
        result.compilations = loop._program.compilations
    result.weights, result.copies = copy_weights(loop), len(copied)
    loop.begin_stage(stage)
    with pytest.raises(TrainingFailed) as error:
        run(2, np.where(np.arange(UPDATES) < LAST_SAFE_UPDATE, 0.05, 1e38))
    result.error = str(error.value)
    return result


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Result]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield {way: train_in(way, monkeypatch) for way in WAYS}


def test_both_ways_train_the_same(results: dict[str, Result]) -> None:
    # JAX compiles the step of a scan together with the making of its batch, and so rounds differently.
    tolerance = 1e-4 if BACKEND == "jax" else 0.0
    fed, resident = results["fed"], results["resident"]
    for path, value in fed.weights.items():
        np.testing.assert_allclose(resident.weights[path], value, rtol=0, atol=tolerance, err_msg=path)
    for fed_reports, resident_reports in zip(fed.reports[:2], resident.reports[:2], strict=True):
        np.testing.assert_allclose(fed_reports, resident_reports, rtol=0, atol=tolerance)


@pytest.mark.parametrize("way", WAYS)
def test_each_update_is_reported_once_and_in_order(results: dict[str, Result], way: str) -> None:
    for reports, metrics in zip(results[way].reports, results[way].metrics, strict=False):
        assert [step for step, _, _ in reports] == list(range(1, UPDATES + 1))
        assert reports[-1][1:] == (metrics.loss, metrics.accuracy)  # means over the epoch


@pytest.mark.parametrize(("way", "images"), [("fed", [8] * 34 + [5]), ("resident", [17 * 8, 17 * 8, 5])])
def test_each_call_counts_its_images(results: dict[str, Result], way: str, images: list[int]) -> None:
    assert results[way].images[:2] == [images, images]


@pytest.mark.parametrize("way", WAYS)
def test_the_means_restart_in_each_epoch(results: dict[str, Result], way: str) -> None:
    """The accuracy so far times the number of images seen in the epoch is a number of images."""
    for reports in results[way].reports:
        hits = np.array([accuracy * min(8 * step, IMAGES) for step, _, accuracy in reports])
        np.testing.assert_allclose(hits, hits.round(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_the_message_names_the_update_whose_loss_is_not_finite(results: dict[str, Result], way: str) -> None:
    """The rate explodes in update 21 (in the middle of the second chunk), so the loss of update 22 is the first to suffer."""
    assert results[way].error.startswith(f"step {LAST_SAFE_UPDATE + 2}: the loss is not finite (")
    assert [step for step, _, _ in results[way].reports[2]] == list(range(1, LAST_SAFE_UPDATE + 2))


@pytest.mark.skipif(BACKEND == "torch", reason="torch compiles nothing")
@pytest.mark.parametrize("way", WAYS)
def test_compiles_once_for_each_batch_size(results: dict[str, Result], way: str) -> None:
    result = results[way]
    assert result.compilations == 2
    assert result.traces[1] == result.traces[0]
    assert result.metrics[0].compilation_seconds > 0


@pytest.mark.parametrize("way", WAYS)
def test_the_next_epoch_compiles_nothing(results: dict[str, Result], way: str) -> None:
    assert results[way].metrics[1].compilation_seconds == 0


def test_the_data_set_is_copied_to_the_device_once(results: dict[str, Result]) -> None:
    assert (results["fed"].copies, results["resident"].copies) == (0, 1)


class Chosen(Exception):
    """Raised instead of training."""


@pytest.mark.parametrize(
    ("has_gpu", "find_device_bytes", "expected"),
    [
        (False, None, "iterate_fed_calls"),
        (True, None, "iterate_resident_calls"),
        (True, 1000, "iterate_fed_calls"),
        (True, 10**9, "iterate_resident_calls"),
    ],
)
def test_the_data_set_is_resident_on_gpus_with_enough_memory(
    has_gpu: bool, find_device_bytes: int | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(*arguments: Any) -> Any:
        raise Chosen

    loop, stage = begin_new_stage(MODEL, **SETTINGS)  # before there is a GPU, which would change how the step is compiled
    monkeypatch.setattr(training_loop, "has_gpu", lambda: has_gpu)
    monkeypatch.setattr(training_loop, "find_device_bytes", lambda: find_device_bytes)
    monkeypatch.setattr(training_loop, expected, choose)
    with pytest.raises(Chosen):
        loop.run_epoch(make_batches(stage, 0, 8), {"learning_rate": np.zeros(1)}, lambda *report: None)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="this is itself one of the other backends")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_other_backends_do_the_same(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", __file__, str(Path(__file__).with_name("test_resident.py"))]
    environment = os.environ | {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}  # at this size torch's threads wait for each other
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
