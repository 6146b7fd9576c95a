"""Contracts over the optimizers and schedules: first steps by hand, minima reached, rates as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.engine.backend import load_backend
from kcifar.errors import UserError
from kcifar.optimizers import OPTIMIZERS
from kcifar.schedules import SCHEDULES

# Arguments that a schedule cannot do without.
SCHEDULE_ARGUMENTS = {"constant": {"value": 0.25}}


def minimise(name: str, gradient: np.ndarray, steps: int, rate: float, **arguments: float) -> np.ndarray:
    """Return a variable that starts at (1, -2) after steps along a fixed gradient."""
    load_backend()
    import keras

    variable = keras.Variable(np.array([1.0, -2.0], np.float32), name="w")
    optimizer = OPTIMIZERS.get(name)(rate, **arguments)
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable))


GRADIENT = np.array([0.5, -4.0], np.float32)


def test_first_steps_by_hand() -> None:
    start = np.array([1.0, -2.0])
    assert minimise("sgd", GRADIENT, 1, 0.1) == pytest.approx(start - 0.1 * GRADIENT)
    # v1 = -r g, v2 = m v1 - r g: two steps move by (2 + m) r g.
    assert minimise("sgd", GRADIENT, 2, 0.1, momentum=0.9) == pytest.approx(start - 0.1 * GRADIENT * 2.9)
    # Nesterov: each step moves by m v + (-r g).
    assert minimise("sgd", GRADIENT, 1, 0.1, momentum=0.9, nesterov=True) == pytest.approx(start - 0.1 * GRADIENT * 1.9)
    # Adam's first step is the rate in the direction of the sign.
    assert minimise("adam", GRADIENT, 1, 0.1) == pytest.approx(start - 0.1 * np.sign(GRADIENT), abs=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_descends_a_bowl_and_has_its_own_name(name: str) -> None:
    load_backend()
    import keras

    variable = keras.Variable(np.array([3.0, -2.0], np.float32), name="w")
    optimizer = OPTIMIZERS.get(name)(0.1)
    assert optimizer.name == name
    for _ in range(300):
        optimizer.apply([2 * keras.ops.convert_to_tensor(variable)], [variable])
    assert np.abs(keras.ops.convert_to_numpy(variable)).max() < 0.05


@given(steps=st.integers(1, 500))
@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_gives_a_positive_rate_for_each_step(name: str, steps: int) -> None:
    rates = SCHEDULES.get(name)(steps, **SCHEDULE_ARGUMENTS[name])
    assert rates.shape == (steps,)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()


def test_constant_is_constant() -> None:
    assert SCHEDULES.get("constant")(4, value=0.25).tolist() == [0.25] * 4


def test_unknown_parts_offer_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no optimizer 'adm'; did you mean 'adam'\? \(there are: adam, sgd\)"):
        OPTIMIZERS.get("adm")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="optimizer 'adam' is registered twice"):
        OPTIMIZERS.register("adam")(lambda rate: None)
