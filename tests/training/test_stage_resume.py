"""Runs with every optimizer, schedule and average, interrupted after any epoch and resumed, end bit for bit like uninterrupted runs."""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_comparison import check_same_run

import kcifar
from kcifar.optimizers import OPTIMIZERS
from kcifar.schedules import SCHEDULES

MODEL = {"name": "residual_cnn", "widths": [4], "convolutions": [1], "dense_units": [], "dropout_rate": 0.2}
SCHEDULED: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.01},
    "step": {"value": 0.01, "every": "1 epochs"},
    "piecewise": {"values": [0.01, 0.001], "boundaries": ["1 epochs"]},
    "exponential": {"value": 0.01, "factor": 0.5},
    "polynomial": {"start": 0.01, "end": 0.0},
    "cosine": {"value": 0.01, "warm_up": "2 steps"},
    "cosine_restarts": {"value": 0.01, "period": "1 epochs"},
    "one_cycle": {"peak": 0.01},
    "triangular": {"start": 0.001, "peak": 0.01, "end": 0.0, "peak_at": 0.5},
    "plateau": {"value": 0.01, "factor": 0.1, "patience": 1, "min_delta": 0.9},
}
EXTRAS: list[dict[str, Any]] = [
    {"ema": 0.9},
    {"lookahead": {"every": 2, "keep": 0.5}},
    {"sam": 0.05},
    {"accumulate": 2, "optimizer_state": "reset"},
    {"early_stopping": {"patience": 1, "restore_best": True, "min_delta": 0.9}, "epochs": 4},
    {"sampling": "balanced", "class_weight": "balanced", "augmentation": [{"name": "mixup", "alpha": 0.5}, {"name": "alternating_flip"}]},
    {"momentum": {"name": "polynomial", "start": 0.8, "end": 0.9}, "optimizer": {"name": "sgd", "momentum": 0.9}},
    {"freeze": ["block1*"], "clip_norm": 0.1},
    {"weight_decay": {"value": {"name": "cosine", "value": 0.1}, "weights": "all"}},
    {"rate_multipliers": [{"variables": "*/bias", "value": 2.0}], "optimizer_state": "keep", "accumulate": 3},
]


def make_recipe() -> dict[str, Any]:
    """Return one stage per schedule, each with the next optimizer and the next of the extra settings."""
    optimizers = cycle(OPTIMIZERS.names())
    stages = []
    for (name, arguments), extra in zip(SCHEDULED.items(), EXTRAS, strict=True):
        stage: dict[str, Any] = {"name": name, "epochs": 2, "learning_rate": {"name": name} | arguments, "optimizer": {"name": next(optimizers)}}
        if stage["optimizer"]["name"] == "adamw":
            stage["weight_decay"] = 0.01
        stages.append(stage | ({"optimizer": stages[-1]["optimizer"]} if extra.get("optimizer_state") == "keep" else {}) | extra)
    defaults = {"batch_size": 32, "augmentation": [{"name": "random_affine", "rotation": 10}]}
    return {"name": "all", "dataset": {"name": "digits"}, "model": MODEL, "precision": "float32", "defaults": defaults, "stages": stages}


def make_data() -> dict[str, Any]:
    random = np.random.default_rng(0)
    parts = {"train": 120, "test": 20}
    return {part: (random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8), np.arange(count) % 3) for part, count in parts.items()}


def test_the_recipe_uses_every_schedule_and_optimizer() -> None:
    assert sorted(SCHEDULED) == SCHEDULES.names()
    assert {stage["optimizer"]["name"] for stage in make_recipe()["stages"]} == set(OPTIMIZERS.names())


def test_a_run_interrupted_several_times_ends_like_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kcifar.engine.training_loop import TrainingLoop

    uninterrupted = kcifar.train(make_recipe(), make_data(), run=tmp_path / "uninterrupted")
    epochs = len(uninterrupted.history)
    # One interruption is in the stage that stops early, after its best epoch, whose weights must be restored; one is before the last stage,
    # which keeps the optimizer's state and counts its updates in other groups of batches.
    early, before_last = list(SCHEDULED).index("polynomial") * 2 + 1, epochs - 2
    stops = {early, before_last, *np.random.default_rng(7).choice(np.arange(1, before_last), 2, replace=False).tolist()}
    attempts, run_epoch = len(stops), TrainingLoop.run_epoch

    def interrupt_once(loop: Any, batches: Any, *arguments: Any) -> Any:
        if batches.key.total_epoch in stops:
            stops.remove(batches.key.total_epoch)
            raise KeyboardInterrupt
        return run_epoch(loop, batches, *arguments)

    monkeypatch.setattr(TrainingLoop, "run_epoch", interrupt_once)
    with pytest.raises(KeyboardInterrupt):
        kcifar.train(make_recipe(), make_data(), run=tmp_path / "interrupted")
    for _ in range(attempts - 1):
        with pytest.raises(KeyboardInterrupt):
            kcifar.train(data=make_data(), run=tmp_path / "interrupted", resume=True)
    kcifar.train(data=make_data(), run=tmp_path / "interrupted", resume=True)
    assert not stops
    check_same_run(uninterrupted.path, tmp_path / "interrupted")
    assert (uninterrupted.history["stage"] == "polynomial").sum() == 2  # this stage ended early and restored the weights of its first epoch
