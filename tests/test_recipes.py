"""Every recipe in `stages/`: it loads, its network is the one that it says, and two of its updates run."""

from pathlib import Path

import numpy as np
import pytest

from kcifar.datasets.dataset import Source
from kcifar.datasets.load import load_dataset
from kcifar.engine.backend import load_backend
from kcifar.pipeline import EpochKey, epoch_batches
from kcifar.plan import make_plan
from kcifar.recipe import load_recipe

RECIPES = sorted((Path(__file__).parent.parent / "stages").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_runs_two_updates(path: Path) -> None:
    load_backend()
    from kcifar.engine.fit import FitDriver
    from kcifar.engine.network import build_network, normalization_layer

    plan = make_plan(load_recipe(path))
    assert plan.recipe.name == path.stem
    part, stage = load_dataset("digits", {}, Source()).train, plan.stages[0]
    driver = FitDriver(build_network(plan, (32, 32, 3), 10), normalization_layer("unit", (), ()), 2, "float32")
    driver.begin_stage(stage, stage.learning_rates(16)[:2], "")
    batches = epoch_batches(part, np.arange(16), EpochKey(0, 0, 0), stage.operations, 10, 8, "keep")
    metrics = driver.run_epoch(batches, lambda step, loss, accuracy: None)
    assert np.isfinite(metrics.loss)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_opens_with_command_hardware_time_and_result(path: Path) -> None:
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    text = " ".join(header)
    assert f"python -m kcifar.train --stages stages/{path.name}" in text
    for word in ("Hardware:", "Time:", "Result:"):
        assert word in text


def test_three_stage_is_the_seeds_recipe() -> None:
    """SEEDS, 003: 40,000 images in batches of 64 are 625 steps; 20, 10 and 5 epochs at 3e-4, 1e-4 and 5e-5."""
    plan = make_plan(load_recipe(RECIPES[-1].with_name("three_stage.yaml")))
    assert [stage.steps_per_epoch(40_000) for stage in plan.stages] == [625, 625, 625]
    assert [len(stage.learning_rates(40_000)) for stage in plan.stages] == [12_500, 6_250, 3_125]
    assert [float(stage.learning_rates(40_000)[-1]) for stage in plan.stages] == [3e-4, 1e-4, 5e-5]
