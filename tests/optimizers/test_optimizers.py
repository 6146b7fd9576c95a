"""Contracts of the optimizers, first steps by hand, and comparisons: Muon with NumPy, the others with PyTorch."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from part_defaults import find_defaults
from places import ROOT, SUPPORT
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.engine.backend import load_backend
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.muon import COEFFICIENTS, find_orthogonal_indices, orthogonalize
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

GRADIENT = np.array([0.5, -4.0], np.float32)
START = np.array([1.0, -2.0], np.float32)


def minimize(name: str, gradients: list[np.ndarray], rate: float, start: np.ndarray = START, named: str = "w", **arguments: Any) -> np.ndarray:
    """Return a variable after one step per gradient."""
    load_backend()
    import keras

    variable = keras.Variable(start, name=named)
    optimizer = OPTIMIZERS.get(name)(rate, **arguments)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable))


def draw_arrays(shape: tuple[int, ...], count: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape).astype(np.float32) for _ in range(count)]


def test_first_steps_by_hand() -> None:
    assert minimize("sgd", [GRADIENT], 0.1) == pytest.approx(START - 0.1 * GRADIENT)
    # v1 = -r g, v2 = m v1 - r g: two steps move by (2 + m) r g.
    assert minimize("sgd", [GRADIENT] * 2, 0.1, momentum=0.9) == pytest.approx(START - 0.1 * GRADIENT * 2.9)
    # Nesterov: each step moves by m v + (-r g).
    assert minimize("sgd", [GRADIENT], 0.1, momentum=0.9, nesterov=True) == pytest.approx(START - 0.1 * GRADIENT * 1.9)
    # Adam's first step is the rate in the direction of the sign.
    assert minimize("adam", [GRADIENT], 0.1) == pytest.approx(START - 0.1 * np.sign(GRADIENT), abs=1e-5)
    assert minimize("adamw", [GRADIENT], 0.1) == pytest.approx(START - 0.1 * np.sign(GRADIENT), abs=1e-5)
    # So is every step of Lion; after +g, the momentum 0.01 g still outweighs the gradient -0.1 g with beta_1 = 0.95.
    assert minimize("lion", [GRADIENT], 0.1) == pytest.approx(START - 0.1 * np.sign(GRADIENT))
    assert minimize("lion", [GRADIENT, -0.1 * GRADIENT], 0.1, beta_1=0.95) == pytest.approx(START - 0.2 * np.sign(GRADIENT))
    assert minimize("lion", [GRADIENT, -0.2 * GRADIENT], 0.1, beta_1=0.95) == pytest.approx(START)
    # Muon updates everything that it does not orthogonalize by SGD with Nesterov momentum.
    expected = minimize("sgd", [GRADIENT] * 3, 0.2, momentum=0.8, nesterov=True)
    assert minimize("muon", [GRADIENT] * 3, 0.1, others_rate=2.0, others_momentum=0.8) == pytest.approx(expected)
    expected = minimize("sgd", [GRADIENT] * 3, 0.1, momentum=0.8)
    assert minimize("muon", [GRADIENT] * 3, 0.1, others_momentum=0.8, nesterov=False) == pytest.approx(expected)


def test_defaults_are_those_that_recipes_rely_on() -> None:
    adam = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    muon = {"momentum": 0.95, "nesterov": True, "iterations": 5, "precision": "bfloat16", "scale_kernels": False, "orthogonalise_last": False}
    assert {name: find_defaults(OPTIMIZERS.get(name)) for name in OPTIMIZERS.names()} == {
        "adam": adam,
        "adamw": adam,
        "lion": {"beta_1": 0.9, "beta_2": 0.99},
        "muon": muon | {"others_rate": 1.0, "others_momentum": 0.9},
        "sgd": {"momentum": 0.0, "nesterov": False},
    }


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_descends_a_bowl_and_has_its_own_name(name: str) -> None:
    load_backend()
    import keras

    variable = keras.Variable(np.array([3.0, -2.0], np.float32), name="w")
    optimizer = OPTIMIZERS.get(name)(keras.optimizers.schedules.PolynomialDecay(0.1, 300, 0.001))
    assert optimizer.name == name
    for _ in range(300):
        optimizer.apply([2 * keras.ops.convert_to_tensor(variable)], [variable])
    assert np.abs(keras.ops.convert_to_numpy(variable)).max() < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_rebuilds_the_same_slots_and_takes_a_rate_per_variable(name: str) -> None:
    load_backend()
    import keras

    network = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(5, 3, name="conv1"), keras.layers.BatchNormalization(name="norm1")])
    paths = []
    for _ in range(2):
        optimizer = OPTIMIZERS.get(name)(0.1)
        optimizer.build(network.trainable_variables)
        paths.append([variable.path for variable in optimizer.variables])
    assert paths[0] == paths[1]
    assert len(set(paths[0])) == len(paths[0])
    assert all(path.startswith(f"{name}/") for path in paths[0])
    kernel = network.trainable_variables[0]
    before = keras.ops.convert_to_numpy(kernel).copy()
    optimizer.update_step(keras.ops.ones(kernel.shape), kernel, keras.ops.convert_to_tensor(0.0))
    assert (keras.ops.convert_to_numpy(kernel) == before).all()
    optimizer.update_step(keras.ops.ones(kernel.shape), kernel, keras.ops.convert_to_tensor(0.5))
    assert (keras.ops.convert_to_numpy(kernel) != before).any()


@pytest.mark.parametrize(
    ("name", "arguments", "torch_class", "options"),
    [
        ("sgd", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
        ("adam", {}, "Adam", {"eps": 1e-12}),
        ("adamw", {"beta_1": 0.8, "beta_2": 0.95}, "AdamW", {"betas": (0.8, 0.95), "eps": 1e-12, "weight_decay": 0.0}),
    ],
)
def test_ten_steps_equal_torchs(name: str, arguments: dict[str, Any], torch_class: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    gradients = draw_arrays((2,), 10)
    weight = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, torch_class)([weight], lr=0.05, **options)
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    arguments = arguments | ({"epsilon": 1e-12} if "eps" in options else {})
    assert minimize(name, gradients, 0.05, **arguments) == pytest.approx(weight.detach().numpy(), rel=1e-4)


@pytest.mark.parametrize("updates", [1, 2, 7])
def test_epsilon_is_added_before_the_bias_correction_unlike_in_torch(updates: int) -> None:
    """After t updates Keras' epsilon is torch's epsilon / sqrt(1 - beta_2^t): the last of some updates is compared."""
    torch = pytest.importorskip("torch")
    gradients, epsilon = [1e-2 * gradient for gradient in draw_arrays((2,), updates)], 1e-2
    weight = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.05)
    for count, gradient in enumerate(gradients, start=1):
        optimizer.param_groups[0]["eps"] = epsilon / (1 - 0.999**count) ** 0.5
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    assert minimize("adam", gradients, 0.05, epsilon=epsilon) == pytest.approx(weight.detach().numpy(), rel=1e-5)


def test_ten_steps_of_lion_equal_the_papers() -> None:
    weight, momentum = START.astype(np.float64), np.zeros(2)
    gradients = draw_arrays((2,), 10)
    for gradient in gradients:  # Chen et al., 2023, algorithm 2
        weight -= 0.05 * np.sign(0.9 * momentum + 0.1 * gradient)
        momentum = 0.99 * momentum + 0.01 * gradient
    assert minimize("lion", gradients, 0.05) == pytest.approx(weight, rel=1e-5)


def transform_singular_values(matrix: np.ndarray, iterations: int) -> np.ndarray:
    """Return Muon's update by a decomposition: the polynomial applied to the singular values, float64."""
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    values = values / np.linalg.norm(values)
    a, b, c = COEFFICIENTS
    for _ in range(iterations):
        values = a * values + b * values**3 + c * values**5
    return np.asarray(left * values @ right)


@given(rows=st.integers(1, 30), columns=st.integers(1, 30), iterations=st.integers(1, 6))
@settings(max_examples=25)
def test_the_iteration_changes_only_singular_values(rows: int, columns: int, iterations: int) -> None:
    (matrix,) = draw_arrays((rows, columns), 1, seed=rows)
    result = np.asarray(orthogonalize(matrix, iterations, "float32"))
    assert result == pytest.approx(transform_singular_values(matrix, iterations), abs=2e-3)


@pytest.mark.parametrize(("precision", "lower", "upper"), [("float32", 0.65, 1.25), ("bfloat16", 0.6, 1.3)])
@pytest.mark.parametrize("shape", [(576, 64), (27, 64), (64, 64)])
def test_five_iterations_bring_singular_values_near_one(precision: Any, lower: float, upper: float, shape: tuple[int, int]) -> None:
    left, values, right = np.linalg.svd(draw_arrays(shape, 1)[0], full_matrices=False)
    matrix = (left * np.linspace(0.05, 1, len(values)) @ right).astype(np.float32)  # twenty to one
    result = np.asarray(orthogonalize(matrix, 5, precision))
    singular = np.linalg.svd(result, compute_uv=False)
    assert singular.min() > lower
    assert singular.max() < upper
    # The singular vectors do not change: the result has the direction of the matrix.
    assert np.linalg.norm(result - left @ right) / np.sqrt(len(values)) < 0.35
    assert result.dtype == np.float32
    assert (np.asarray(orthogonalize(np.zeros(shape, np.float32), 5, precision)) == 0).all()


def step_as_muon(start: np.ndarray, gradients: list[np.ndarray], rate: float, momentum: float, nesterov: bool, scaled: bool) -> np.ndarray:
    """Return a kernel after Muon's steps, written for matrices (outputs, everything else) as in the papers, float64."""
    weight, velocity = start.astype(np.float64), np.zeros(start.shape)
    for gradient in gradients:
        velocity = momentum * velocity + gradient
        direction = gradient + momentum * velocity if nesterov else velocity
        matrix = np.moveaxis(direction, -1, 0).reshape(start.shape[-1], -1)
        update = np.moveaxis(transform_singular_values(matrix, 3).reshape(start.shape[-1], *start.shape[:-1]), 0, -1)
        weight = weight * (np.sqrt(start.shape[-1]) / np.linalg.norm(weight) if scaled else 1) - rate * update
    return np.asarray(weight)


@pytest.mark.parametrize("shape", [(3, 3, 4, 6), (1, 1, 3, 8), (5, 7)])
@pytest.mark.parametrize(("nesterov", "scaled"), [(True, False), (True, True), (False, False)])
def test_three_steps_of_muon_equal_numpys(shape: tuple[int, ...], nesterov: bool, scaled: bool) -> None:
    start, *gradients = draw_arrays(shape, 4)
    expected = step_as_muon(start, gradients, 0.24, 0.6, nesterov, scaled)
    arguments: dict[str, Any] = {"iterations": 3, "momentum": 0.6, "precision": "float32", "orthogonalise_last": True}
    result = minimize("muon", gradients, 0.24, start, "kernel", nesterov=nesterov, scale_kernels=scaled, **arguments)
    assert result == pytest.approx(expected, abs=2e-3)


def test_muon_orthogonalizes_all_matrices_except_the_last() -> None:
    load_backend()
    from kcifar.models.build import sketch_model

    network = sketch_model("convmixer", (32, 32, 3), 10, width=16, depth=1)
    variables = network.trainable_variables
    orthogonalized = {variables[index].path for index in find_orthogonal_indices(variables, with_last=False)}
    kernels = {variable.path for variable in variables if variable.name == "kernel"}
    # A depthwise kernel has one vector per channel; the kernel of the logits is the last dense one.
    depthwise = {variable.path for variable in variables if variable.name == "kernel" and variable.shape[-1] == 1}
    assert depthwise
    assert orthogonalized == kernels - depthwise - {"logits/kernel"}
    assert {variables[index].path for index in find_orthogonal_indices(variables, with_last=True)} == orthogonalized | {"logits/kernel"}


@cache
def run_tensorflow_steps() -> dict[str, list[float]]:
    """Return three steps of every optimizer, compiled by XLA in this process."""
    load_backend()
    from optimizer_steps import run_three_steps

    return {name: run_three_steps(name) for name in OPTIMIZERS.names()}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_three_compiled_steps_are_equal_on_every_backend(backend: str) -> None:
    pytest.importorskip(backend)
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, SUPPORT / "optimizer_steps.py"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    other_steps = json.loads(done.stdout)
    assert set(other_steps) == set(OPTIMIZERS.names())
    for name, weights in run_tensorflow_steps().items():
        assert other_steps[name] == pytest.approx(weights, abs=2e-3), name


@pytest.mark.parametrize(
    ("name", "attribute"), [("sgd", "momentum"), ("muon", "momentum"), ("adam", "beta_1"), ("adamw", "beta_1"), ("lion", "beta_1")]
)
def test_a_tensor_may_replace_the_momentum(name: str, attribute: str) -> None:
    load_backend()
    import keras

    start, *gradients = draw_arrays((3, 4), 4)
    arguments = {"orthogonalise_last": True, "precision": "float32"} if name == "muon" else {}
    expected = minimize(name, gradients, 0.1, start, "kernel", **arguments, **{attribute: 0.6})
    optimizer = OPTIMIZERS.get(name)(0.1, **arguments, **{attribute: 0.9})
    tensor_property = property(lambda self: keras.ops.convert_to_tensor(np.float32(0.6)), lambda self, value: None)
    optimizer.__class__ = type("Scheduled", (type(optimizer),), {attribute: tensor_property})
    variable = keras.Variable(start, name="kernel")
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    assert keras.ops.convert_to_numpy(variable) == pytest.approx(expected, abs=1e-4)


def make_plan_with(**stage: Any) -> Any:
    return make_plan(load_recipe(tiny_recipe(defaults={}, stages=[{"name": "only", "epochs": 1, "learning_rate": 0.1, **stage}])))


def test_adamw_needs_weight_decay() -> None:
    with pytest.raises(UserError, match=r"stages\[0\]\.optimizer: 'adamw' needs the stage's weight_decay, .*, got none"):
        make_plan_with(optimizer={"name": "adamw"})
    assert make_plan_with(optimizer={"name": "adamw"}, weight_decay=0.05).stages[0].optimizer.name == "adamw"


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ({"name": "lion", "beta_1": 0.0}, r"optimizer\.beta_1: expected a number > 0 and < 1, got 0.0"),
        ({"name": "muon", "iterations": 0}, r"optimizer\.iterations: expected an integer >= 1 and <= 20, got 0"),
        ({"name": "muon", "precision": "float16"}, r"optimizer\.precision: expected one of 'float32', 'bfloat16', got 'float16'"),
        ({"name": "muon", "momentun": 0.6}, r"optimizer\.momentun: unknown key; did you mean 'momentum'\?"),
        ({"name": "adam", "epsilon": 0.0}, r"optimizer\.epsilon: expected a number > 0 and <= 1, got 0.0"),
        ({"name": "adm"}, r"no optimizer 'adm'; did you mean 'adam'\? \(available: adam, adamw, lion, muon, sgd\)"),
    ],
)
def test_wrong_arguments_are_refused(optimizer: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_plan_with(optimizer=optimizer)


def test_a_name_is_registered_only_once() -> None:
    with pytest.raises(ValueError, match="optimizer 'adam' is registered twice"):
        OPTIMIZERS.register("adam")(lambda rate: None)
