"""A driver at the beginning of a stage, for the tests of what a stage may set."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kcifar.datasets.dataset import Part, Source
from kcifar.datasets.load import load_dataset
from kcifar.engine.loop import LoopDriver
from kcifar.engine.network import build_network, network_variables, normalization_layer
from kcifar.planning.batches import EpochKey, class_weights, epoch_batches
from kcifar.planning.plan import StagePlan, make_plan
from kcifar.recipe.load import load_recipe

WITHOUT_NORM = {"name": "lenet"}
WITH_NORM = {"name": "residual_cnn", "widths": [4, 8], "convolutions": [1, 1], "dense_units": [16], "dropout_rate": 0.0}
BATCH, LONGEST = 64, 40


def digits() -> Part:
    return load_dataset("digits", {}, Source()).train


def new_driver(model: dict[str, Any] = WITHOUT_NORM, *, resident: bool | None = None, **settings: Any) -> tuple[LoopDriver, StagePlan]:
    """Return a driver that has begun a stage of one epoch of plain SGD, but for `settings`."""
    only = {"name": "only", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "sgd"}, "batch_size": BATCH} | settings
    plan = make_plan(load_recipe({"name": "tiny", "dataset": {"name": "digits"}, "model": model, "stages": [only]}))
    network = build_network(plan, (32, 32, 3), 10)
    normalization = normalization_layer("unit", (), ())
    driver = LoopDriver(network, normalization, LONGEST, "float32", lambda stage: build_network(plan, (32, 32, 3), 10, stage), resident=resident)
    driver.begin_stage(plan.stages[0])
    return driver, plan.stages[0]


def train(driver: LoopDriver, stage: StagePlan, batches: int, rates: Any = (0.1,), first: int = 0, **values: Any) -> list[float]:
    """Train on some batches of the digits, always in the same order, and return the running means of the loss.

    Args:
        driver: Has begun the stage.
        stage: What to run.
        batches: How many.
        rates: Learning rate of each update of the stage.
        first: The first image.
        values: Other scheduled values; what the stage's schedules give where there are none.
    """
    losses: list[float] = []
    size, part = stage.settings.batch_size, digits()
    weights = class_weights(stage.settings.class_weight, part.labels, 10)
    epoch = epoch_batches(
        part, np.arange(first, first + batches * size), EpochKey(0, 0, 0), stage.operations, 10, size, "keep", class_weights=weights
    )
    epoch = replace(epoch, order=np.sort(epoch.order))
    scheduled = stage.values(len(part)) | {"learning_rate": np.asarray(rates, float)} | values
    driver.run_epoch(epoch, {name: np.asarray(table, float) for name, table in scheduled.items()}, lambda step, loss, accuracy: losses.append(loss))
    return losses


def weights(driver: LoopDriver) -> dict[str, np.ndarray]:
    """Return copies of all float variables of the network, statistics among them, by path."""
    return {
        path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in network_variables(driver.network).items() if "seed" not in path
    }


def assign(driver: LoopDriver, values: dict[str, np.ndarray]) -> None:
    for path, variable in network_variables(driver.network).items():
        if path in values:
            variable.assign(values[path])
