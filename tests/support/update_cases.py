"""Stages with every optimizer and every setting that changes an update; `python tests/support/update_cases.py` prints what a backend computes."""

import json
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kcifar.datasets.dataset import Split
from kcifar.engine.network import make_normalization
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import load_recipe

CLASSES, BATCH, UPDATES = 3, 4, 5
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd"},
    "nesterov": {"name": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {"name": "adam"},
    "adamw": {"name": "adamw", "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
    "lion": {"name": "lion"},
    "muon": {"name": "muon", "momentum": 0.6, "others_rate": 2.0, "scale_kernels": True, "precision": "float32"},
}
# Each table has one entry for each update, and one more for what looks past the last.
SETTINGS: dict[str, dict[str, Any]] = {
    "scheduled": {
        "momentum": [0.9, 0.8, 0.5, 0.7, 0.6, 0.1],
        "weight_decay": {"value": [0.5, 0.0, 2.0, 1.0, 0.1, 9.0], "weights": "all"},
        "rate_multipliers": [{"variables": "*/bias", "value": [1.0, 3.0, 0.0, 0.0, 0.5, 9.0]}],
        "clip_value": 0.05,
        "clip_norm": 0.2,
    },
    "averaged": {
        "weight_decay": {"value": [0.1] * 6, "weights": "all"},
        "sam": 0.3,
        "clip_norm": 0.1,
        "ema": {"decay": 0.3, "warm_up": True},
        "lookahead": {"every": 2, "keep": [9.0, 9.0, 0.3, 9.0, 0.8, 9.0]},
    },
}
RATES = [0.1, 0.07, 0.05, 0.03, 0.02, 9.0]


def make_cases() -> dict[str, list[dict[str, Any]]]:
    """Return the stages of each case by its name: settings as in a recipe, but with a table where a schedule may stand."""
    cases = {}
    for name, optimizer in OPTIMIZERS.items():
        for settings, accumulate in (("scheduled", 3), ("averaged", 3), *([("scheduled", 1)] if name in ("nesterov", "adam") else [])):
            stage = SETTINGS[settings] | {"optimizer": optimizer, "accumulate": accumulate}
            if name == "sgd":
                stage.pop("momentum", None)  # without slots
            cases[f"{name}, {settings}, accumulate {accumulate}"] = [stage]
    for name, former, later in (("adam", 3, 1), ("adam", 1, 3), ("nesterov", 2, 3)):
        stages = [{"optimizer": OPTIMIZERS[name], "accumulate": accumulate} for accumulate in (former, later)]
        cases[f"{name}, kept, accumulate {former} then {later}"] = [stages[0], stages[1] | {"optimizer_state": "keep"}]
    return cases


def make_images(stage: int, accumulate: int) -> Split:
    """Return the images of a stage: `UPDATES` complete updates, and a group of batches that lacks one."""
    generator, count = np.random.default_rng(stage), BATCH * (UPDATES * accumulate + accumulate - 1)
    return Split(generator.integers(0, 256, (count, 2, 2, 3), dtype=np.uint8), generator.integers(0, CLASSES, count))


def make_start() -> dict[str, np.ndarray]:
    """Return the initial weights."""
    shapes = {"hidden/kernel": (12, 4), "hidden/bias": (4,), "logits/kernel": (4, CLASSES), "logits/bias": (CLASSES,)}
    generator = np.random.default_rng(7)
    return {path: generator.normal(size=shape).astype(np.float32) for path, shape in shapes.items()}


def find_tables(settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the tables of a stage's schedules, by the names that the engine gives them."""
    tables = {"learning_rate": RATES, "momentum": settings.get("momentum"), "weight_decay.value": settings.get("weight_decay", {}).get("value")}
    tables |= {"lookahead.keep": settings.get("lookahead", {}).get("keep")}
    tables |= {f"rate_multipliers.{k}.value": part["value"] for k, part in enumerate(settings.get("rate_multipliers", []))}
    return {name: np.asarray(table, float) for name, table in tables.items() if table is not None}


def plan_stages(stages: list[dict[str, Any]]) -> tuple[StagePlan, ...]:
    """Return the plans of some stages; a constant stands for each table, which the loop is given apart."""

    def put_numbers(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put_numbers(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [put_numbers(inner) for inner in value] if isinstance(value[0], dict) else 0.5
        return value

    written = [put_numbers(stage) | {"name": f"stage{k}", "epochs": 1, "learning_rate": 0.1, "batch_size": BATCH} for k, stage in enumerate(stages)]
    return make_plan(load_recipe({"name": "tiny", "dataset": {"name": "digits"}, "model": {"name": "lenet"}, "stages": written})).stages


def run_case(stages: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the weights after the stages, by path, flat."""
    layers = [keras.layers.Flatten(name="flatten"), keras.layers.Dense(4, name="hidden"), keras.layers.Dense(CLASSES, name="logits")]
    network = keras.Sequential([keras.Input((2, 2, 3)), *layers])
    loop = TrainingLoop(network, make_normalization("unit", (), ()), UPDATES + 1, "float32")
    for path, value in make_start().items():
        next(variable for variable in network.variables if variable.path.endswith(path)).assign(value)
    for index, plan in enumerate(plan_stages(stages)):
        part = make_images(index, plan.settings.accumulate)
        loop.begin_stage(plan)
        epoch = make_epoch_batches(part, np.arange(len(part)), EpochKey(0, index, 0), (), CLASSES, BATCH, "keep")
        loop.run_epoch(replace(epoch, order=np.sort(epoch.order)), find_tables(stages[index]), lambda step, loss, accuracy: None)
        loop.end_stage()
    return {path: find_weight(network, path) for path in make_start()}


def find_weight(network: Any, path: str) -> list[float]:
    """Return the values of a variable, flat."""
    variable = next(variable for variable in network.variables if variable.path.endswith(path))
    return [float(value) for value in np.ravel(keras.ops.convert_to_numpy(variable))]


if __name__ == "__main__":
    print(json.dumps({name: run_case(stages) for name, stages in make_cases().items()}))
