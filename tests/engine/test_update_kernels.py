"""TensorFlow's single-kernel updates equal Keras' own updates except for rounding, for all settings of the optimizer."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcifar.engine.patterns import set_penalties
from kcifar.engine.tensorflow.update_kernels import find_fast_update_step
from kcifar.recipe.stage_settings import Stage

UPDATES = 5


def run_updates(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """Return two variables and the optimizer's slots after some updates with gradients of very different sizes."""
    random = np.random.default_rng(0)
    variables = [keras.Variable(random.normal(size=shape), name=name) for name, shape in (("kernel", (3, 4)), ("bias", (4,)))]
    optimizer.build(variables)
    for exponent in range(UPDATES):
        optimizer.apply([tf.constant(random.normal(size=variable.shape) * 10.0**-exponent, tf.float32) for variable in variables], variables)
    return [keras.ops.convert_to_numpy(variable) for variable in (*variables, *optimizer.variables)]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Adam", {}),
        ("Adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
        ("SGD", {}),
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.85, "nesterov": True}),
    ],
    ids=str,
)
def test_five_updates_equal_those_of_keras(kind: str, settings: dict[str, Any]) -> None:
    optimizer_class = getattr(keras.optimizers, kind)
    expected = run_updates(optimizer_class(0.1, **settings))
    step = find_fast_update_step(optimizer_class)
    assert step is not None
    actual = run_updates(type(kind, (optimizer_class,), {"update_step": step})(0.1, **settings))
    assert len(actual) == len(expected)
    for value, expected_value in zip(actual, expected, strict=True):
        np.testing.assert_allclose(value, expected_value, rtol=1e-5, atol=1e-5)  # in float32, 1 - 0.999 is exact to four digits


@pytest.mark.parametrize("kind", ["Lion", "AdamW", "Muon"])
def test_other_optimizers_keep_their_updates(kind: str) -> None:
    assert find_fast_update_step(getattr(keras.optimizers, kind)) is None


@pytest.mark.parametrize("penalties", [{"l2": 0.25}, {"l1": 0.5}, {"l1": 0.5, "l2": 0.25}], ids=str)
def test_a_penalty_and_its_gradient_follow_their_formulas(penalties: dict[str, float]) -> None:
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="dense")])
    set_penalties(network, Stage(name="stage", epochs=1, learning_rate=0.1, **{key: {"value": value} for key, value in penalties.items()}))
    kernel = network.layers[0].kernel
    with tf.GradientTape() as tape:
        loss = sum(network.losses)
    weights, l1, l2 = keras.ops.convert_to_numpy(kernel), penalties.get("l1", 0.0), penalties.get("l2", 0.0)
    assert float(loss) == pytest.approx(l1 * np.abs(weights).sum() + l2 * np.square(weights).sum(), rel=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, kernel.value), l1 * np.sign(weights) + 2 * l2 * weights, rtol=1e-5)
