"""Contracts of the training losses: each sample's loss by hand, special cases that are equal, and finite gradients."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from part_defaults import find_defaults
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.engine.backend import load_backend
from kcifar.losses import LOSSES
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

Rows = st.lists(st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4), min_size=1, max_size=5)


def compute_loss(name: str, targets: Any, logits: Any, **arguments: float) -> np.ndarray:
    load_backend()
    import keras

    losses = LOSSES.get(name)(keras.ops.convert_to_tensor(targets, "float32"), keras.ops.convert_to_tensor(logits, "float32"), **arguments)
    return np.asarray(keras.ops.convert_to_numpy(losses))


def draw_soft_targets(count: int) -> np.ndarray:
    return np.random.default_rng(count).dirichlet([0.5] * 4, size=count)


def compute_probabilities(logits: Any) -> np.ndarray:
    raised = np.exp(np.asarray(logits, np.float64))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def smooth(targets: np.ndarray, smoothing: float) -> np.ndarray:
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=25)
def test_cross_entropy_is_the_formula(logits: list[list[float]], smoothing: float) -> None:
    targets = draw_soft_targets(len(logits))
    expected = -(smooth(targets, smoothing) * np.log(compute_probabilities(logits))).sum(axis=1)
    assert compute_loss("categorical_crossentropy", targets, logits, label_smoothing=smoothing) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.2]), gamma=st.sampled_from([0.5, 2.0, 5.0]))
@settings(max_examples=25)
def test_focal_is_the_formula_and_cross_entropy_at_gamma_0(logits: list[list[float]], smoothing: float, gamma: float) -> None:
    targets, p = draw_soft_targets(len(logits)), compute_probabilities(logits)
    expected = -(smooth(targets, smoothing) * (1 - p) ** gamma * np.log(p)).sum(axis=1)
    assert compute_loss("focal", targets, logits, gamma=gamma, label_smoothing=smoothing) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    plain = compute_loss("categorical_crossentropy", targets, logits, label_smoothing=smoothing)
    assert compute_loss("focal", targets, logits, gamma=0.0, label_smoothing=smoothing) == pytest.approx(plain, rel=1e-5, abs=1e-5)


def test_focal_by_hand() -> None:
    # Lin et al., 2017, section 3.2: with gamma = 2, at p = 0.9 the loss is 100 times smaller than the cross-entropy.
    logits = [[np.log(0.9), np.log(0.1)]]
    assert compute_loss("focal", [[1, 0]], logits, gamma=2.0) == pytest.approx(-np.log(0.9) / 100, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_follows_the_formula_close_to_certainty(gamma: float) -> None:
    """At p = 1 - 1e-4; the lower bound that keeps gradients finite must not change the loss here."""
    logits = [[np.log(1 - 1e-4), np.log(1e-4)]]
    assert compute_loss("focal", [[1, 0]], logits, gamma=gamma) == pytest.approx(1e-4 ** (1 + gamma), rel=1e-2)


@given(logits=Rows, smoothing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=25)
def test_binary_cross_entropy_is_the_formula(logits: list[list[float]], smoothing: float) -> None:
    targets = smooth(draw_soft_targets(len(logits)), smoothing)
    sigmoid = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    expected = -(targets * np.log(sigmoid) + (1 - targets) * np.log(1 - sigmoid)).mean(axis=1)
    losses = compute_loss("binary_crossentropy", draw_soft_targets(len(logits)), logits, label_smoothing=smoothing)
    assert losses == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_defaults_are_those_that_recipes_rely_on() -> None:
    plain = {"label_smoothing": 0.0}
    expected = {"binary_crossentropy": plain, "categorical_crossentropy": plain, "focal": {"gamma": 2.0} | plain}
    assert {name: find_defaults(LOSSES.get(name)) for name in LOSSES.names()} == expected


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_is_one_finite_number_per_sample_with_a_finite_gradient(name: str) -> None:
    load_backend()
    import tensorflow

    logits = tensorflow.Variable([[200.0, -200.0, 0.0], [-200.0, 200.0, 0.0], [0.0, 0.0, 0.0]])
    targets = tensorflow.constant([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    every = [{}, {"label_smoothing": 0.1}] + [{"gamma": gamma} for gamma in (0.0, 0.5, 1.0) if name == "focal"]
    for arguments in every:
        compiled_loss = tensorflow.function(lambda t, x, arguments=arguments: LOSSES.get(name)(t, x, **arguments), jit_compile=True)
        with tensorflow.GradientTape() as tape:
            losses = compiled_loss(targets, logits)
        assert losses.shape == (3,)
        assert np.isfinite(losses.numpy()).all()
        assert (losses.numpy() >= 0).all()
        gradient = tape.gradient(losses, logits).numpy()
        assert np.isfinite(gradient).all(), (name, arguments)
        # The second row should be of the first class, so its logit must be raised.
        assert gradient[1, 0] < -0.1


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_samples_loss_does_not_depend_on_the_rest_of_the_batch(name: str) -> None:
    targets, logits = draw_soft_targets(5), np.random.default_rng(0).normal(size=(5, 4))
    alone = [compute_loss(name, targets[[row]], logits[[row]])[0] for row in range(5)]
    assert compute_loss(name, targets, logits) == pytest.approx(np.array(alone), rel=1e-6)


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
