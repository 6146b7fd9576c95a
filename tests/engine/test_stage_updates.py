"""What a stage may set, in single updates: each against the formula that it stands for, computed by hand from plain steps."""

from typing import Any

import keras
import numpy as np
import pytest
from stage_driver import WITH_NORM, assign, new_driver, train, weights

TOLERANCE: dict[str, Any] = {"rtol": 0, "atol": 2e-6}
ROLES = ("kernel", "bias", "gamma", "beta")


def trained(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {path: value for path, value in values.items() if path.endswith(ROLES)}


def after(batches: int, rates: Any = (0.1,), model: dict[str, Any] | None = None, **settings: Any) -> dict[str, np.ndarray]:
    """Return the weights after some batches from the same start."""
    driver, stage = new_driver(**({"model": model} if model else {}), **settings)
    train(driver, stage, batches, rates)
    return weights(driver)


def start(model: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    return weights(new_driver(**({"model": model} if model else {}))[0])


def norm(values: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(value.astype(np.float64) ** 2) for value in values.values())))


def moved(before: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {path: now[path] - before[path] for path in trained(before)}


def check_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for path, value in first.items():
        np.testing.assert_allclose(value, second[path], err_msg=path, **TOLERANCE)


class TestAccumulation:
    def test_two_halves_are_one_batch(self) -> None:
        """Without batch normalisation the mean of two gradients is the gradient of the joined batch."""
        check_same(after(2, batch_size=32, accumulate=2), after(1, batch_size=64))

    def test_schedules_count_updates(self) -> None:
        check_same(after(4, [0.1, 0.0], accumulate=2), after(2, [0.1], accumulate=2))

    def test_the_next_stage_begins_with_a_whole_update(self) -> None:
        driver, stage = new_driver(accumulate=2)
        train(driver, stage, 1)
        driver.begin_stage(stage)
        before = weights(driver)
        train(driver, stage, 1)
        check_same(before, weights(driver))


class TestClipping:
    def test_the_norm_of_all_gradients_together_is_bounded(self) -> None:
        before, free = start(), after(1)
        length = norm(moved(before, free)) / 0.1
        clipped = moved(before, after(1, clip_norm=length / 4))
        assert norm(clipped) == pytest.approx(0.1 * length / 4, rel=1e-4)
        check_same(clipped, {path: value / 4 for path, value in moved(before, free).items()})
        check_same(free, after(1, clip_norm=length * 2))

    def test_each_entry_is_bounded(self) -> None:
        free, clipped = moved(start(), after(1)), moved(start(), after(1, clip_value=0.01))
        check_same(clipped, {path: np.clip(value, -0.001, 0.001) for path, value in free.items()})


class TestWeightDecay:
    def test_shrinks_kernels_by_rate_times_decay_apart_from_the_gradient(self) -> None:
        before, free, decayed = start(WITH_NORM), after(1, model=WITH_NORM), after(1, model=WITH_NORM, weight_decay=0.5)
        for path in trained(before):
            expected = 0.1 * 0.5 * before[path] if path.endswith("kernel") else np.zeros(1, np.float32)
            np.testing.assert_allclose(free[path] - decayed[path], np.broadcast_to(expected, free[path].shape), err_msg=path, **TOLERANCE)

    def test_all_weights_if_asked_and_only_the_layers_that_fit(self) -> None:
        free = after(1)
        decayed = after(1, weight_decay={"value": 0.5, "weights": "all", "layers": "head*"})
        changed = {path.split("/")[0] for path, value in free.items() if not np.array_equal(value, decayed[path])}
        assert changed
        assert all(layer.startswith("head") for layer in changed)

    def test_follows_a_schedule(self) -> None:
        driver, stage = new_driver(weight_decay={"value": {"name": "piecewise", "values": [0.5, 0.0], "boundaries": ["1 steps"]}})
        train(driver, stage, 2, [0.1, 0.1])
        once, stage = new_driver(weight_decay=0.5)
        train(once, stage, 1, [0.1, 0.1])
        assign(plain := new_driver()[0], weights(once))
        train(plain, new_driver()[1], 1, [0.1], first=64)
        check_same(weights(driver), weights(plain))


class TestRateMultipliers:
    def test_multiply_the_rate_of_the_variables_that_fit(self) -> None:
        free = moved(start(), after(1))
        found = moved(start(), after(1, rate_multipliers=[{"variables": "*/bias", "value": 3.0}]))
        check_same(found, {path: value * (3 if path.endswith("bias") else 1) for path, value in free.items()})

    def test_zero_freezes_within_a_stage_even_under_adam(self) -> None:
        schedule = {"name": "piecewise", "values": [1.0, 0.0], "boundaries": ["1 steps"]}
        driver, stage = new_driver(optimizer={"name": "adam"}, rate_multipliers=[{"variables": "*/bias", "value": schedule}])
        train(driver, stage, 1, [0.01] * 3)
        one = weights(driver)
        train(driver, stage, 2, [0.01] * 3)
        for path, value in trained(one).items():
            assert np.array_equal(value, weights(driver)[path]) == path.endswith("bias"), path


@pytest.mark.parametrize(
    ("optimizer", "attribute"),
    [({"name": "sgd", "nesterov": True}, "momentum"), ({"name": "adam"}, "beta_1"), ({"name": "lion"}, "beta_1"), ({"name": "muon"}, "momentum")],
    ids=["sgd", "adam", "lion", "muon"],
)
def test_a_scheduled_momentum_that_stays_is_the_optimizers_own(optimizer: dict[str, Any], attribute: str) -> None:
    own = after(3, [0.01] * 3, optimizer=optimizer | {attribute: 0.8})
    scheduled = after(3, [0.01] * 3, optimizer=optimizer, momentum=0.8)
    check_same(own, scheduled)
    assert norm(moved(own, after(3, [0.01] * 3, optimizer=optimizer, momentum=0.3))) > 1e-4


class TestAverages:
    def test_ema_is_the_exponential_mean_of_weights_and_statistics(self) -> None:
        driver, stage = new_driver(WITH_NORM, ema={"decay": 0.8, "warm_up": False})
        expected = weights(driver)
        for first in range(3):
            train(driver, stage, 1, [0.1], first=64 * first)
            expected = {path: 0.8 * mean + 0.2 * weights(driver)[path] for path, mean in expected.items()}
        raw = weights(driver)
        with driver.averaged():
            check_same(weights(driver), expected)
        check_same(weights(driver), raw)  # training goes on with its own
        driver.end_stage()
        check_same(weights(driver), expected)
        assert any("moving" in path and np.abs(value - raw[path]).max() > 1e-4 for path, value in expected.items())

    def test_a_warm_up_forgets_the_start_faster(self) -> None:
        driver, stage = new_driver(ema=0.999)
        train(driver, stage, 1)
        raw = weights(driver)
        driver.end_stage()
        # After the first update min(0.999, (1 + 1) / (10 + 1)) of the mean is kept.
        check_same(weights(driver), {path: 2 / 11 * value + 9 / 11 * raw[path] for path, value in start().items()})

    def test_ema_counts_updates_not_batches(self) -> None:
        ema = {"decay": 0.5, "warm_up": False}
        results = []
        for settings in ({"batch_size": 32, "accumulate": 2}, {"batch_size": 64}):
            driver, stage = new_driver(ema=ema, **settings)
            train(driver, stage, 128 // stage.settings.batch_size)
            driver.end_stage()
            results.append(weights(driver))
        check_same(*results)

    def test_lookahead_meets_halfway_statistics_included(self) -> None:
        before, fast = start(WITH_NORM), after(2, model=WITH_NORM)
        driver, stage = new_driver(WITH_NORM, lookahead={"every": 2, "keep": 0.25})
        train(driver, stage, 2)
        met = {path: 0.25 * value + 0.75 * fast[path] for path, value in before.items()}
        check_same(weights(driver), met)
        train(driver, stage, 1, first=128)
        assert norm(moved(met, weights(driver))) > 0  # fast weights go on
        driver.end_stage()
        check_same(weights(driver), met)  # the stage ends on the slow ones

    @pytest.mark.parametrize(("keep", "expected"), [(0.0, 2), (1.0, 0)])
    def test_lookahead_at_its_ends(self, keep: float, expected: int) -> None:
        driver, stage = new_driver(lookahead={"every": 1, "keep": keep})
        train(driver, stage, 2)
        check_same(weights(driver), after(expected) if expected else start())


class TestSharpness:
    def test_takes_the_gradient_at_the_worst_point_nearby(self) -> None:
        """Foret et al., algorithm 1, from plain steps: climb by radius along the unit gradient, and step from the start by what is found there."""
        radius, before = 0.5, start()
        gradient = {path: -value / 0.1 for path, value in moved(before, after(1)).items()}
        length = norm(gradient)
        driver, stage = new_driver()
        above = {path: before[path] + radius / length * value for path, value in gradient.items()}
        assign(driver, above)
        train(driver, stage, 1)
        step = moved(above, weights(driver))
        check_same(moved(before, after(1, sam=radius)), step)
        assert norm({path: step[path] - value for path, value in moved(before, after(1)).items()}) > 1e-3

    def test_statistics_see_the_first_pass_alone(self) -> None:
        plain, sharp = after(1, model=WITH_NORM), after(1, model=WITH_NORM, sam=0.5)
        check_same({path: value for path, value in plain.items() if "moving" in path}, {p: v for p, v in sharp.items() if "moving" in p})

    def test_the_reported_loss_is_that_of_the_weights(self) -> None:
        plain, stage = new_driver()
        sharp, its_stage = new_driver(sam=0.5)
        assert train(plain, stage, 1) == pytest.approx(train(sharp, its_stage, 1), abs=1e-6)


def test_frozen_layers_stay_and_thaw_in_the_next_stage() -> None:
    driver, stage = new_driver(freeze=["block*"])
    before = weights(driver)
    train(driver, stage, 2)
    for path, value in before.items():
        assert np.array_equal(value, weights(driver)[path]) == path.startswith("block"), path
    _, free = new_driver()
    driver.begin_stage(free)
    train(driver, free, 1)
    assert not np.array_equal(weights(driver)["block1_conv/kernel"], before["block1_conv/kernel"])


def test_l1_adds_the_sign_of_the_kernels() -> None:
    before, free, found = start(), after(1), after(1, l1={"value": 0.01})
    for path, value in trained(free).items():
        expected = 0.1 * 0.01 * np.sign(before[path]) if path.endswith("kernel") else np.zeros(1, np.float32)
        np.testing.assert_allclose(value - found[path], np.broadcast_to(expected, value.shape), err_msg=path, **TOLERANCE)


def test_weights_of_classes_weigh_the_loss() -> None:
    free = moved(start(), after(1))
    check_same(moved(start(), after(1, class_weight=[2.0] * 10)), {path: 2 * value for path, value in free.items()})


class TestVariants:
    def test_weights_move_to_another_size_and_the_model_still_takes_the_data_sets(self) -> None:
        resnet = {"name": "cifar_resnet", "depth": 8}
        driver, _ = new_driver(resnet)
        before = weights(driver)
        _, small = new_driver(resnet, image_size=16)
        driver.begin_stage(small)
        assert driver.network.input_shape == (None, 16, 16, 3)
        check_same(weights(driver), before)
        assert driver.inference_model().input_shape == (None, 32, 32, 3)
        losses = train(driver, small, 2)
        assert np.isfinite(losses).all()

    def test_a_stage_may_have_another_dropout_rate(self) -> None:
        model = WITH_NORM | {"dropout_rate": 0.1}
        driver, _ = new_driver(model)
        before = weights(driver)
        _, more = new_driver(model, dropout_rate=0.6)
        driver.begin_stage(more)
        rates = {layer.rate for layer in driver.network.layers if isinstance(layer, keras.layers.Dropout)}
        assert rates == {0.6}
        check_same(weights(driver), before)
