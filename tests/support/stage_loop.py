"""A training loop at the beginning of a stage, for tests of a stage's settings."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kcifar.datasets.dataset import Source, Split
from kcifar.datasets.load import load_dataset
from kcifar.engine.network import build_network, collect_variables, make_normalization
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.planning.stage_batches import compute_class_weights
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import load_recipe

WITHOUT_NORM = {"name": "lenet"}
WITH_NORM = {"name": "residual_cnn", "widths": [4, 8], "convolutions": [1, 1], "dense_units": [16], "dropout_rate": 0.0}
BATCH, LONGEST = 64, 40


def load_digits() -> Split:
    return load_dataset("digits", {}, Source()).train


def begin_new_stage(model: dict[str, Any] = WITHOUT_NORM, *, resident: bool | None = None, **settings: Any) -> tuple[TrainingLoop, StagePlan]:
    """Return a loop that has begun a stage of one epoch, and the stage: plain SGD except for `settings`."""
    only = {"name": "only", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "sgd"}, "batch_size": BATCH} | settings
    plan = make_plan(load_recipe({"name": "tiny", "dataset": {"name": "digits"}, "model": model, "stages": [only]}))
    network = build_network(plan, (32, 32, 3), 10)
    normalization = make_normalization("unit", (), ())
    loop = TrainingLoop(network, normalization, LONGEST, "float32", lambda stage: build_network(plan, (32, 32, 3), 10, stage), resident=resident)
    loop.begin_stage(plan.stages[0])
    return loop, plan.stages[0]


def train(loop: TrainingLoop, stage: StagePlan, batches: int, rates: Any = (0.1,), first: int = 0, **values: Any) -> list[float]:
    """Train on some batches of the digits, always in the same order, and return the running means of the loss.

    Args:
        loop: Has begun the stage.
        stage: The stage.
        batches: Number of batches.
        rates: Learning rate of each update of the stage.
        first: The first image.
        values: Other scheduled values, instead of those of the stage's schedules.
    """
    losses: list[float] = []
    size, part = stage.settings.batch_size, load_digits()
    weights = compute_class_weights(stage.settings.class_weight, part.labels, 10)
    epoch = make_epoch_batches(
        part, np.arange(first, first + batches * size), EpochKey(0, 0, 0), stage.operations, 10, size, "keep", class_weights=weights
    )
    epoch = replace(epoch, order=np.sort(epoch.order))
    scheduled = stage.values(len(part)) | {"learning_rate": np.asarray(rates, float)} | values
    loop.run_epoch(epoch, {name: np.asarray(table, float) for name, table in scheduled.items()}, lambda step, loss, accuracy: losses.append(loss))
    return losses


def copy_weights(loop: TrainingLoop) -> dict[str, np.ndarray]:
    """Return copies of all float variables of the network, including statistics, by path."""
    return {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in collect_variables(loop.network).items() if "seed" not in path}


def assign_weights(loop: TrainingLoop, values: dict[str, np.ndarray]) -> None:
    for path, variable in collect_variables(loop.network).items():
        if path in values:
            variable.assign(values[path])
