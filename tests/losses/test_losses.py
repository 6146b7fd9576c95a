"""Contracts over the training losses: each sample's loss by hand, what equals what, and gradients that stay finite."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.engine.backend import load_backend
from kcifar.losses import LOSSES
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

Rows = st.lists(st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4), min_size=1, max_size=5)


def loss_of(name: str, targets: Any, logits: Any, **arguments: float) -> np.ndarray:
    load_backend()
    import keras

    found = LOSSES.get(name)(keras.ops.convert_to_tensor(targets, "float32"), keras.ops.convert_to_tensor(logits, "float32"), **arguments)
    return np.asarray(keras.ops.convert_to_numpy(found))


def soft_targets(count: int) -> np.ndarray:
    return np.random.default_rng(count).dirichlet([0.5] * 4, size=count)


def probabilities(logits: Any) -> np.ndarray:
    raised = np.exp(np.asarray(logits, np.float64))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def spread(targets: np.ndarray, smoothing: float) -> np.ndarray:
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=25)
def test_cross_entropy_is_the_formula(logits: list[list[float]], smoothing: float) -> None:
    targets = soft_targets(len(logits))
    expected = -(spread(targets, smoothing) * np.log(probabilities(logits))).sum(axis=1)
    assert loss_of("categorical_crossentropy", targets, logits, label_smoothing=smoothing) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.2]), gamma=st.sampled_from([0.5, 2.0, 5.0]))
@settings(max_examples=25)
def test_focal_is_the_formula_and_cross_entropy_at_gamma_0(logits: list[list[float]], smoothing: float, gamma: float) -> None:
    targets, p = soft_targets(len(logits)), probabilities(logits)
    expected = -(spread(targets, smoothing) * (1 - p) ** gamma * np.log(p)).sum(axis=1)
    assert loss_of("focal", targets, logits, gamma=gamma, label_smoothing=smoothing) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    plain = loss_of("categorical_crossentropy", targets, logits, label_smoothing=smoothing)
    assert loss_of("focal", targets, logits, gamma=0.0, label_smoothing=smoothing) == pytest.approx(plain, rel=1e-5, abs=1e-5)


def test_focal_by_hand() -> None:
    # Lin et al., 2017, section 3.2: with gamma = 2, what is classified with p = 0.9 has a loss 100 times smaller than cross-entropy.
    logits = [[np.log(0.9), np.log(0.1)]]
    assert loss_of("focal", [[1, 0]], logits, gamma=2.0) == pytest.approx(-np.log(0.9) / 100, rel=1e-5)


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=25)
def test_binary_cross_entropy_is_the_formula(logits: list[list[float]], smoothing: float) -> None:
    targets = spread(soft_targets(len(logits)), smoothing)
    sigmoid = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    expected = -(targets * np.log(sigmoid) + (1 - targets) * np.log(1 - sigmoid)).mean(axis=1)
    found = loss_of("binary_crossentropy", soft_targets(len(logits)), logits, label_smoothing=smoothing)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_is_one_finite_number_a_sample_with_a_finite_gradient(name: str) -> None:
    load_backend()
    import tensorflow

    logits = tensorflow.Variable([[200.0, -200.0, 0.0], [-200.0, 200.0, 0.0], [0.0, 0.0, 0.0]])
    targets = tensorflow.constant([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    every = [{}, {"label_smoothing": 0.1}] + [{"gamma": gamma} for gamma in (0.0, 0.5, 1.0) if name == "focal"]
    for arguments in every:
        loss_of_rows = tensorflow.function(lambda t, x, given=arguments: LOSSES.get(name)(t, x, **given), jit_compile=True)
        with tensorflow.GradientTape() as tape:
            losses = loss_of_rows(targets, logits)
        assert losses.shape == (3,)
        assert np.isfinite(losses.numpy()).all()
        assert (losses.numpy() >= 0).all()
        gradient = tape.gradient(losses, logits).numpy()
        assert np.isfinite(gradient).all(), (name, arguments)
        # The second row is wrong in its first class, and must be pushed there.
        assert gradient[1, 0] < -0.1


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_sample_has_its_loss_whatever_stands_beside_it(name: str) -> None:
    targets, logits = soft_targets(5), np.random.default_rng(0).normal(size=(5, 4))
    alone = [loss_of(name, targets[[row]], logits[[row]])[0] for row in range(5)]
    assert loss_of(name, targets, logits) == pytest.approx(np.array(alone), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "focal", "gamma": 11.0}, r"stages\[0\]\.loss\.gamma: expected a number >= 0 and <= 10, got 11.0"),
        ({"name": "binary_crossentropy", "label_smoothing": 1.0}, r"stages\[0\]\.loss\.label_smoothing: expected a number >= 0 and < 1, got 1.0"),
        ({"name": "bce"}, r"stages\[0\]\.loss\.name: no loss 'bce'"),
    ],
)
def test_wrong_losses_are_refused(loss: dict[str, Any], message: str) -> None:
    recipe = tiny_recipe(defaults={}, stages=[{"name": "only", "epochs": 1, "learning_rate": 0.1, "loss": loss}])
    with pytest.raises(UserError, match=message):
        make_plan(load_recipe(recipe))
