"""Every recipe in `stages/`: it loads, its network is the one that it says, and two of its updates run; each is what its seed asks for."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT
from published_parameters import PARAMETERS

from kcifar.core.mistakes import Mistakes
from kcifar.datasets.dataset import Source
from kcifar.datasets.load import load_dataset
from kcifar.documentation.header import parse_header
from kcifar.engine.backend import load_backend
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import Plan, make_plan
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.extend import read_recipe_file
from kcifar.recipe.load import load_recipe

STAGES = ROOT / "stages"
RECIPES = sorted(STAGES.rglob("*.yaml"))
LARGE = 1_000_000  # Parameters above which tracing the step for a compiler takes most of the test's time.
RECENT: dict[str, Any] = {}  # the loop of the network that was trained last and its initial weights, by the network's settings


@lru_cache
def plan_of(name: str) -> Plan:
    return make_plan(load_recipe(STAGES / f"{name}.yaml"))


def name_of(path: Path) -> str:
    """Return a recipe's file without ending, from `stages/` on: "vgg16_rates/adam_1e-3"."""
    return path.relative_to(STAGES).with_suffix("").as_posix()


def _network_first(path: Path) -> tuple[str, str, str]:
    """Sort recipes of one network and optimizer together: they share what is built and compiled."""
    written = read_recipe_file(path, Mistakes()).data
    return written["model"]["name"], repr(written.get("defaults", {}).get("optimizer")), name_of(path)


NAMES = [name_of(path) for path in sorted(RECIPES, key=_network_first)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_two_steps(name: str) -> None:
    stage = plan_of(name).stages[0]
    images = load_dataset("digits", {}, Source()).train
    loop = _build_loop(plan_of(name))
    loop.begin_stage(stage)
    loop._model.run_eagerly = loop.network.count_params() > LARGE
    before = {path: np.array(value) for path, value in _trained(loop).items()}
    batches = make_epoch_batches(images, np.arange(4), EpochKey(0, 0, 0), stage.operations, 10, 2, "keep")
    seen: list[float] = []
    loop.run_epoch(batches, _from_the_peak(stage), lambda step, loss, accuracy: seen.append(loss))
    assert len(seen) == 2
    assert np.isfinite(seen).all()
    after = _trained(loop)
    assert all(np.isfinite(value).all() for value in after.values())
    assert [path for path, value in after.items() if path.endswith("kernel") and np.array_equal(value, before[path])] == []


def _build_loop(plan: Plan) -> Any:
    """Return a loop of the recipe's network with its initial weights: the recent one, if it is the same network."""
    load_backend()
    from kcifar.engine.network import build_network, make_normalization
    from kcifar.engine.training_loop import TrainingLoop

    key = repr(plan.model.to_dict())
    if key not in RECENT:
        RECENT.clear()
        network = build_network(plan, (32, 32, 3), 10)
        RECENT[key] = TrainingLoop(network, make_normalization("unit", (), ()), 2, "float32"), network.get_weights()
    loop, initial = RECENT[key]
    loop.network.set_weights(initial)
    return loop


def _from_the_peak(stage: StagePlan) -> dict[str, np.ndarray]:
    """Return two updates' values, the largest rate among them: a warm-up begins at 0, where nothing moves."""
    values = stage.values(1000)
    return {name: np.sort(table)[-2:] for name, table in values.items()}


def _trained(loop: Any) -> dict[str, np.ndarray]:
    import keras

    return {weight.path: keras.ops.convert_to_numpy(weight) for weight in loop.network.trainable_variables}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_called_after_its_file(name: str) -> None:
    assert plan_of(name).recipe.name == name.replace("/", "_")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_opens_with_what_it_is_its_command_hardware_time_and_result(name: str) -> None:
    first, *lines = (STAGES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    header = list(takewhile(lambda line: line.startswith("#"), [first, *lines]))
    assert first[:2] == "# "
    assert [line for line in header if line.startswith(f"#   python -m kcifar.train --stages stages/{name}.yaml")] != []
    for word in ("Hardware:", "Time:", "Result:"):
        assert [line for line in header if line.startswith(f"# {word} ")] != []
    assert name == "quickstart" or any(line.startswith("# Differs from the original") for line in header)


@pytest.mark.parametrize("name", NAMES)
def test_time_and_result_begin_in_the_form_that_is_parsed(name: str) -> None:
    """Both are measured, or neither is; the numbers themselves are checked by test_evidence.py."""
    text = (STAGES / f"{name}.yaml").read_text(encoding="utf-8")
    (time,), (result,) = (re.findall(rf"^# {word}: (.*)$", text, re.MULTILINE) for word in ("Time", "Result"))
    header = parse_header(text)
    if time.startswith("not measured yet"):
        assert result.startswith("not measured yet.")
        assert (header.time, header.seconds, header.accuracy) == (None, None, None)
    else:
        assert re.match(r"\d+(\.\d+)? (s|min)[ .]", time)
        assert re.match(r"test accuracy \d\d\.\d\d % ", result)
        assert f"{header.time} " in f"{time} ".replace(".  ", " ")
        assert f"test accuracy {100 * (header.accuracy or 0):.2f} % " in result


@pytest.mark.parametrize("name", NAMES)
def test_a_resolved_recipe_makes_the_same_plan(name: str) -> None:
    resolved = plan_of(name).to_dict()
    assert "extend" not in resolved
    assert make_plan(load_recipe(resolved)).to_dict() == resolved


# Recipe: network, epochs, optimizer, largest learning rate, and the accuracy that the original claims (SEEDS).
SEEDS = {
    "lenet_adam": ("lenet_bn", [25], "adam", 1e-3, "57.59 %"),
    "lenet_sgd": ("lenet", [40], "sgd", 0.01, "64.81 %"),
    "resnet18_sgd": ("resnet18", [30], "sgd", 0.1, "78.24 %"),
    "resnext29_sgd": ("resnext29_32x4d", [30], "sgd", 0.1, "77.90 %"),
    "densenet121_sgd": ("densenet121", [30], "sgd", 0.1, "82.06 %"),
    "quizdnn_sgd": ("quizdnn", [10], "sgd", 0.05, "81.67 %"),
    "three_stage": ("residual_cnn", [20, 10, 5], "adam", 3e-4, "0.8874"),
    "vgg16_sgd": ("vgg16", [60], "sgd", 0.01, "88.39 %"),
    "vgg13_sgd": ("vgg13", [60], "sgd", 0.01, "88.03 %"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_a_seeds_recipe_is_what_the_seed_asks_for(name: str) -> None:
    model, epochs, optimizer, rate, claim = SEEDS[name]
    plan = plan_of(name)
    assert (plan.model.name, [stage.epochs for stage in plan.stages]) == (model, epochs)
    assert {stage.optimizer.name for stage in plan.stages} == {optimizer}
    assert max(stage.learning_rates(45_000).max() for stage in plan.stages) == pytest.approx(rate)
    assert optimizer == "adam" or all(stage.optimizer.arguments["momentum"] == 0.9 for stage in plan.stages)
    assert 0 < plan.recipe.document.dataset.validation < 1  # none of them chooses anything by the test images
    text = (STAGES / f"{name}.yaml").read_text(encoding="utf-8")
    assert claim in text
    assert model not in PARAMETERS or f"{PARAMETERS[model].count:,}" in text or model == "residual_cnn"


def test_three_stage_is_the_seeds_recipe() -> None:
    """SEEDS, 003: 40,000 images in batches of 64 are 625 steps; 20, 10 and 5 epochs at 3e-4, 1e-4 and 5e-5."""
    plan = plan_of("three_stage")
    assert [stage.batches_per_epoch(40_000) for stage in plan.stages] == [625, 625, 625]
    assert [len(stage.learning_rates(40_000)) for stage in plan.stages] == [12_500, 6_250, 3_125]
    assert [float(stage.learning_rates(40_000)[-1]) for stage in plan.stages] == [3e-4, 1e-4, 5e-5]


SMALL = ("widths", "convolutions", "head", "dense_units", "batch_norm")
ABLATION = "vgg16_ablation/normalised_augmented"
RATE, INPUT, AUGMENTATION = "stages.0.learning_rate.value", "input.normalization", "stages.0.augmentation"


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [
        ("vgg16_sgd", "vgg13_sgd", {"model.name"}),
        ("resnet18_sgd", "resnext29_sgd", {"model.name"}),
        ("quizdnn_sgd", "quizdnn_l1", {"stages.0.l1.value", "stages.0.l1.layers"}),
        ("vgg16_sgd", "small_vgg", {"stages.0.epochs", "stages.0.batch_size", "model.name", *(f"model.{key}" for key in SMALL)}),
        ("vgg16_sgd", ABLATION, {"stages.0.epochs", RATE}),
        (ABLATION, "vgg16_ablation/augmented", {INPUT}),
        (ABLATION, "vgg16_ablation/normalised", {AUGMENTATION}),
        (ABLATION, "vgg16_ablation/plain", {INPUT, AUGMENTATION}),
        *(("vgg16_sgd", f"vgg16_rates/sgd_{rate}", {RATE}) for rate in ("1e-1", "1e-3", "1e-4")),
        *(("vgg16_rates/adam_1e-3", f"vgg16_rates/adam_{rate}", {RATE}) for rate in ("1e-1", "1e-2", "1e-4")),
    ],
)
def test_a_variant_differs_in_what_it_says_and_in_nothing_else(one: str, other: str, changed: set[str]) -> None:
    first, second = (dict(_leaves(plan_of(name).to_dict(), "")) for name in (one, other))
    different = {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
    assert different == {"name", *changed}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_sweep_holds_the_rates_that_its_files_are_called_after(optimizer: str) -> None:
    paths = sorted((STAGES / "vgg16_rates").glob(f"{optimizer}_*.yaml"))
    rates = {path.stem: float(plan_of(name_of(path)).stages[0].learning_rates(45_000)[0]) for path in paths}
    assert rates == {path.stem: float(path.stem.removeprefix(f"{optimizer}_")) for path in paths}
    assert {plan_of(name_of(path)).stages[0].optimizer.name for path in paths} == {optimizer}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is no mapping, by its dotted path; of the lists only `stages` is opened."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if path == "stages" else None
    if inside is None:
        yield path, value
    else:
        for key, item in inside:
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
