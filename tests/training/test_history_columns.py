"""The columns of `history.csv` that count and time: the learning rate of an epoch's last update, the images seen, the speed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kcifar
from kcifar.engine.epoch import EpochMetrics

MODEL = {"name": "residual_cnn", "widths": [4], "convolutions": [1], "dense_units": [], "dropout_rate": 0.0}
FALL = {"name": "polynomial", "start": 0.01, "end": 0.0}
IMAGES = 50
# Seven batches per epoch, the last one of 2 images; where it is dropped, six.
STAGES: list[dict[str, Any]] = [
    {"name": "accumulated", "epochs": 3, "learning_rate": FALL, "accumulate": 3},
    {"name": "dropped", "epochs": 2, "learning_rate": FALL, "last_batch": "drop"},
    {"name": "rare", "epochs": 2, "learning_rate": FALL, "accumulate": 10},
]


def make_data() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        part: (random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8), np.arange(count) % 3) for part, count in (("train", IMAGES), ("test", 9))
    }


@pytest.fixture(scope="module")
def run_and_metrics(tmp_path_factory: pytest.TempPathFactory) -> tuple[kcifar.Run, list[EpochMetrics]]:
    """Return a run and the metrics that the training loop returned for each epoch."""
    from kcifar.engine.training_loop import TrainingLoop

    returned: list[EpochMetrics] = []
    run_epoch = TrainingLoop.run_epoch

    def record_metrics(loop: Any, *arguments: Any) -> EpochMetrics:
        returned.append(run_epoch(loop, *arguments))
        return returned[-1]

    recipe = {"name": "columns", "dataset": {"name": "digits", "validation": 0}, "model": MODEL, "precision": "float32", "stages": STAGES}
    folder: Path = tmp_path_factory.mktemp("columns") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(TrainingLoop, "run_epoch", record_metrics)
        run = kcifar.train(recipe | {"defaults": {"batch_size": 8}}, make_data(), run=folder)
    return run, returned


def test_the_learning_rate_is_that_of_the_last_update(run_and_metrics: tuple[kcifar.Run, list[EpochMetrics]]) -> None:
    """Update t of T has the rate 0.01 (1 - t / T); t counts from 0."""
    rates = run_and_metrics[0].history["learning_rate"].tolist()
    # 21 batches are 7 updates; the second and fourth batch of three fall into the next epoch.
    accumulated = [0.01 * (1 - t / 7) for t in (1, 3, 6)]
    dropped = [0.01 * (1 - t / 12) for t in (5, 11)]
    # 14 batches are one update, in the second epoch; the first epoch has none, and shows the rate of the next.
    rare = [0.01, 0.01]
    assert rates == pytest.approx(accumulated + dropped + rare)


def test_images_seen_counts_every_image_once_per_epoch(run_and_metrics: tuple[kcifar.Run, list[EpochMetrics]]) -> None:
    per_epoch = np.diff(run_and_metrics[0].history["images_seen"], prepend=0)
    assert per_epoch.tolist() == [IMAGES] * 3 + [48] * 2 + [IMAGES] * 2


@pytest.mark.parametrize("column", ["loss", "cross_entropy", "accuracy", "images_per_second", "compilation_seconds"])
def test_results_of_an_epoch_are_those_of_the_training_loop(run_and_metrics: tuple[kcifar.Run, list[EpochMetrics]], column: str) -> None:
    run, returned = run_and_metrics
    assert run.history[column].tolist() == [getattr(metrics, column) for metrics in returned]


def test_seconds_include_the_training(run_and_metrics: tuple[kcifar.Run, list[EpochMetrics]]) -> None:
    run, returned = run_and_metrics
    assert all(seconds > metrics.compilation_seconds for seconds, metrics in zip(run.history["seconds"], returned, strict=True))
