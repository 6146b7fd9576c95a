"""TensorFlow's one-kernel updates are Keras' own updates but for rounding, whatever the optimizer's settings."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcifar.engine.patterns import set_penalties
from kcifar.engine.tensorflow.update_kernels import quick_update_step
from kcifar.recipe.stage_settings import Stage

UPDATES = 5


def trained(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
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
def test_five_updates_are_those_of_keras(kind: str, settings: dict[str, Any]) -> None:
    optimizer_class = getattr(keras.optimizers, kind)
    expected = trained(optimizer_class(0.1, **settings))
    step = quick_update_step(optimizer_class)
    assert step is not None
    found = trained(type(kind, (optimizer_class,), {"update_step": step})(0.1, **settings))
    assert len(found) == len(expected)
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-5)  # 1 - 0.999 is right to four digits in float32


@pytest.mark.parametrize("kind", ["Lion", "AdamW", "Muon"])
def test_other_optimizers_keep_their_own(kind: str) -> None:
    assert quick_update_step(getattr(keras.optimizers, kind)) is None


@pytest.mark.parametrize("penalties", [{"l2": 0.25}, {"l1": 0.5}, {"l1": 0.5, "l2": 0.25}], ids=str)
def test_a_penalty_and_its_gradient_are_their_formulas(penalties: dict[str, float]) -> None:
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="dense")])
    set_penalties(network, Stage(name="stage", epochs=1, learning_rate=0.1, **{key: {"value": value} for key, value in penalties.items()}))
    kernel = network.layers[0].kernel
    with tf.GradientTape() as tape:
        loss = sum(network.losses)
    weights, l1, l2 = keras.ops.convert_to_numpy(kernel), penalties.get("l1", 0.0), penalties.get("l2", 0.0)
    assert float(loss) == pytest.approx(l1 * np.abs(weights).sum() + l2 * np.square(weights).sum(), rel=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, kernel.value), l1 * np.sign(weights) + 2 * l2 * weights, rtol=1e-5)
