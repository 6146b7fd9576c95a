"""The settings of a stage in single updates: each is compared with its formula, computed by hand from plain steps."""

from typing import Any

import keras
import numpy as np
import pytest
from stage_loop import WITH_NORM, assign_weights, begin_new_stage, copy_weights, train

TOLERANCE: dict[str, Any] = {"rtol": 0, "atol": 2e-6}
ROLES = ("kernel", "bias", "gamma", "beta")
HELD = ("*/bias", "block1_conv/kernel")  # of LeNet


def select_trained(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {path: value for path, value in values.items() if path.endswith(ROLES)}


def train_from_start(batches: int, rates: Any = (0.1,), model: dict[str, Any] | None = None, **settings: Any) -> dict[str, np.ndarray]:
    """Return the weights after some batches from the same start."""
    loop, stage = begin_new_stage(**({"model": model} if model else {}), **settings)
    train(loop, stage, batches, rates)
    return copy_weights(loop)


def copy_start(model: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    return copy_weights(begin_new_stage(**({"model": model} if model else {}))[0])


def compute_norm(values: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(value.astype(np.float64) ** 2) for value in values.values())))


def subtract(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {path: after[path] - before[path] for path in select_trained(before)}


def check_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for path, value in first.items():
        np.testing.assert_allclose(value, second[path], err_msg=path, **TOLERANCE)


class TestAccumulation:
    def test_two_halves_are_one_batch(self) -> None:
        """Without batch normalization the mean of two gradients is the gradient of the joined batch."""
        check_same(train_from_start(2, batch_size=32, accumulate=2), train_from_start(1, batch_size=64))

    def test_schedules_count_updates(self) -> None:
        check_same(train_from_start(4, [0.1, 0.0], accumulate=2), train_from_start(2, [0.1], accumulate=2))

    def test_the_next_stage_begins_with_a_complete_update(self) -> None:
        loop, stage = begin_new_stage(accumulate=2)
        train(loop, stage, 1)
        loop.begin_stage(stage)
        before = copy_weights(loop)
        train(loop, stage, 1)
        check_same(before, copy_weights(loop))


class TestClipping:
    def test_the_norm_of_all_gradients_together_is_bounded(self) -> None:
        before, free = copy_start(), train_from_start(1)
        length = compute_norm(subtract(before, free)) / 0.1
        clipped = subtract(before, train_from_start(1, clip_norm=length / 4))
        assert compute_norm(clipped) == pytest.approx(0.1 * length / 4, rel=1e-4)
        check_same(clipped, {path: value / 4 for path, value in subtract(before, free).items()})
        check_same(free, train_from_start(1, clip_norm=length * 2))

    def test_each_entry_is_bounded(self) -> None:
        free, clipped = subtract(copy_start(), train_from_start(1)), subtract(copy_start(), train_from_start(1, clip_value=0.01))
        check_same(clipped, {path: np.clip(value, -0.001, 0.001) for path, value in free.items()})

    def test_entries_are_bounded_before_the_norm(self) -> None:
        entries = subtract(copy_start(), train_from_start(1, clip_value=0.01))
        length = compute_norm(entries) / 0.1
        both = subtract(copy_start(), train_from_start(1, clip_value=0.01, clip_norm=length / 4))
        check_same(both, {path: value / 4 for path, value in entries.items()})


class TestWeightDecay:
    def test_shrinks_kernels_by_rate_times_decay_independently_of_the_gradient(self) -> None:
        before, free, decayed = copy_start(WITH_NORM), train_from_start(1, model=WITH_NORM), train_from_start(1, model=WITH_NORM, weight_decay=0.5)
        for path in select_trained(before):
            expected = 0.1 * 0.5 * before[path] if path.endswith("kernel") else np.zeros(1, np.float32)
            np.testing.assert_allclose(free[path] - decayed[path], np.broadcast_to(expected, free[path].shape), err_msg=path, **TOLERANCE)

    def test_applies_to_all_weights_if_set_and_only_to_layers_that_match(self) -> None:
        free = train_from_start(1)
        decayed = train_from_start(1, weight_decay={"value": 0.5, "weights": "all", "layers": "head*"})
        changed = {path.split("/")[0] for path, value in free.items() if not np.array_equal(value, decayed[path])}
        assert changed
        assert all(layer.startswith("head") for layer in changed)

    def test_follows_a_schedule(self) -> None:
        loop, stage = begin_new_stage(weight_decay={"value": {"name": "piecewise", "values": [0.5, 0.0], "boundaries": ["1 steps"]}})
        train(loop, stage, 2, [0.1, 0.1])
        once, stage = begin_new_stage(weight_decay=0.5)
        train(once, stage, 1, [0.1, 0.1])
        assign_weights(plain := begin_new_stage()[0], copy_weights(once))
        train(plain, begin_new_stage()[1], 1, [0.1], first=64)
        check_same(copy_weights(loop), copy_weights(plain))


class TestRateMultipliers:
    def test_multiply_the_rate_of_the_variables_that_match(self) -> None:
        free = subtract(copy_start(), train_from_start(1))
        multiplied = subtract(copy_start(), train_from_start(1, rate_multipliers=[{"variables": "*/bias", "value": 3.0}]))
        check_same(multiplied, {path: value * (3 if path.endswith("bias") else 1) for path, value in free.items()})

    @pytest.mark.parametrize(
        "optimizer",
        [
            {"name": "sgd"},
            {"name": "sgd", "momentum": 0.9},
            {"name": "sgd", "momentum": 0.9, "nesterov": True},
            {"name": "adam"},
            {"name": "lion"},
            {"name": "muon", "scale_kernels": True},
        ],
        ids=str,
    )
    def test_zero_holds_the_variables_at_once(self, optimizer: dict[str, Any]) -> None:
        """Bit for bit and whatever their velocity, as a torch parameter without a gradient; a kernel is not even scaled or decayed."""
        held = [{"variables": pattern, "value": {"name": "piecewise", "values": [2.0, 0.0], "boundaries": ["2 steps"]}} for pattern in HELD]
        loop, stage = begin_new_stage(optimizer=optimizer, rate_multipliers=held, weight_decay={"value": 0.5, "weights": "all"})
        train(loop, stage, 2, [0.01] * 5)
        before = copy_weights(loop)
        train(loop, stage, 3, [0.01] * 5, first=128)
        after = copy_weights(loop)
        assert {path for path in before if np.array_equal(before[path], after[path])} == {p for p in before if p.endswith("bias") or p in HELD}

    def test_a_held_variable_continues_from_slots_that_went_on_at_a_rate_of_zero(self) -> None:
        """By hand: velocities 0.9 v - rate x multiplier x gradient, and no step at a multiplier of 0; the gradient is that of a fixed batch."""
        loop, stage = begin_new_stage(optimizer={"name": "sgd", "momentum": 0.9}, rate_multipliers=[{"variables": "*", "value": 1.0}])
        start, steps = copy_weights(loop), []
        gradient = {path: -value / 0.1 for path, value in subtract(start, train_from_start(1)).items()}
        for multiplier in ([1.0], [1.0, 0.0], [1.0, 0.0, 0.5]):
            before = copy_weights(loop)
            train(loop, stage, 1, [0.1], **{"rate_multipliers.0.value": multiplier})
            steps.append(subtract(before, copy_weights(loop)))
            assign_weights(loop, start)
        for path, value in gradient.items():
            np.testing.assert_array_equal(steps[1][path], 0)
            np.testing.assert_allclose(steps[2][path], -0.1 * (0.81 + 0.5) * value, err_msg=path, **TOLERANCE)

    def test_multiply_the_decay_too(self) -> None:
        """As in a torch parameter group with a rate of its own: rate x multiplier x decay."""
        settings: dict[str, Any] = {"rate_multipliers": [{"variables": "*", "value": 3.0}]}
        before, free, decayed = copy_start(), train_from_start(1, **settings), train_from_start(1, weight_decay=0.5, **settings)
        for path in select_trained(before):
            expected = 0.1 * 3 * 0.5 * before[path] if path.endswith("kernel") else np.zeros(1, np.float32)
            np.testing.assert_allclose(free[path] - decayed[path], np.broadcast_to(expected, free[path].shape), err_msg=path, **TOLERANCE)


@pytest.mark.parametrize(
    ("optimizer", "attribute"),
    [({"name": "sgd", "nesterov": True}, "momentum"), ({"name": "adam"}, "beta_1"), ({"name": "lion"}, "beta_1"), ({"name": "muon"}, "momentum")],
    ids=["sgd", "adam", "lion", "muon"],
)
def test_a_constant_scheduled_momentum_equals_the_argument(optimizer: dict[str, Any], attribute: str) -> None:
    constant = train_from_start(3, [0.01] * 3, optimizer=optimizer | {attribute: 0.8})
    scheduled = train_from_start(3, [0.01] * 3, optimizer=optimizer, momentum=0.8)
    check_same(constant, scheduled)
    assert compute_norm(subtract(constant, train_from_start(3, [0.01] * 3, optimizer=optimizer, momentum=0.3))) > 1e-4


class TestAverages:
    def test_ema_is_the_exponential_mean_of_weights_and_statistics(self) -> None:
        loop, stage = begin_new_stage(WITH_NORM, ema={"decay": 0.8, "warm_up": False})
        expected = copy_weights(loop)
        for first in range(3):
            train(loop, stage, 1, [0.1], first=64 * first)
            expected = {path: 0.8 * mean + 0.2 * copy_weights(loop)[path] for path, mean in expected.items()}
        raw = copy_weights(loop)
        with loop.use_averages():
            check_same(copy_weights(loop), expected)
        check_same(copy_weights(loop), raw)  # training continues with the raw weights
        loop.end_stage()
        check_same(copy_weights(loop), expected)
        assert any("moving" in path and np.abs(value - raw[path]).max() > 1e-4 for path, value in expected.items())

    def test_a_warm_up_forgets_the_start_faster(self) -> None:
        loop, stage = begin_new_stage(ema=0.999)
        train(loop, stage, 1)
        raw = copy_weights(loop)
        loop.end_stage()
        # After the first update min(0.999, (1 + 1) / (10 + 1)) of the average is kept.
        check_same(copy_weights(loop), {path: 2 / 11 * value + 9 / 11 * raw[path] for path, value in copy_start().items()})

    def test_ema_counts_updates_not_batches(self) -> None:
        ema = {"decay": 0.5, "warm_up": False}
        results = []
        for settings in ({"batch_size": 32, "accumulate": 2}, {"batch_size": 64}):
            loop, stage = begin_new_stage(ema=ema, **settings)
            train(loop, stage, 128 // stage.settings.batch_size)
            loop.end_stage()
            results.append(copy_weights(loop))
        check_same(*results)

    def test_lookahead_blends_weights_and_statistics(self) -> None:
        before, fast = copy_start(WITH_NORM), train_from_start(2, model=WITH_NORM)
        loop, stage = begin_new_stage(WITH_NORM, lookahead={"every": 2, "keep": 0.25})
        train(loop, stage, 2)
        blended = {path: 0.25 * value + 0.75 * fast[path] for path, value in before.items()}
        check_same(copy_weights(loop), blended)
        train(loop, stage, 1, first=128)
        assert compute_norm(subtract(blended, copy_weights(loop))) > 0  # the fast weights continue
        loop.end_stage()
        check_same(copy_weights(loop), blended)  # the stage ends with the slow weights

    @pytest.mark.parametrize(("keep", "expected"), [(0.0, 2), (1.0, 0)])
    def test_lookahead_at_its_ends(self, keep: float, expected: int) -> None:
        loop, stage = begin_new_stage(lookahead={"every": 1, "keep": 0.5})
        train(loop, stage, 2, **{"lookahead.keep": [keep]})  # a recipe's values stay below 1
        check_same(copy_weights(loop), train_from_start(expected) if expected else copy_start())


class TestSharpness:
    def test_takes_the_gradient_at_the_worst_point_nearby(self) -> None:
        """Foret et al., algorithm 1, from plain steps: climb by radius along the unit gradient, and step from the start by the gradient found there."""
        radius, before = 0.5, copy_start()
        gradient = {path: -value / 0.1 for path, value in subtract(before, train_from_start(1)).items()}
        length = compute_norm(gradient)
        loop, stage = begin_new_stage()
        above = {path: before[path] + radius / length * value for path, value in gradient.items()}
        assign_weights(loop, above)
        train(loop, stage, 1)
        step = subtract(above, copy_weights(loop))
        check_same(subtract(before, train_from_start(1, sam=radius)), step)
        assert compute_norm({path: step[path] - value for path, value in subtract(before, train_from_start(1)).items()}) > 1e-3

    def test_only_the_first_pass_updates_statistics(self) -> None:
        plain, sharp = train_from_start(1, model=WITH_NORM), train_from_start(1, model=WITH_NORM, sam=0.5)
        check_same({path: value for path, value in plain.items() if "moving" in path}, {p: v for p, v in sharp.items() if "moving" in p})

    def test_the_reported_loss_is_that_of_the_weights(self) -> None:
        plain, stage = begin_new_stage()
        sharp, sharp_stage = begin_new_stage(sam=0.5)
        assert train(plain, stage, 1) == pytest.approx(train(sharp, sharp_stage, 1), abs=1e-6)


def test_frozen_layers_do_not_change_until_the_next_stage() -> None:
    loop, stage = begin_new_stage(freeze=["block*"])
    before = copy_weights(loop)
    train(loop, stage, 2)
    for path, value in before.items():
        assert np.array_equal(value, copy_weights(loop)[path]) == path.startswith("block"), path
    _, free = begin_new_stage()
    loop.begin_stage(free)
    train(loop, free, 1)
    assert not np.array_equal(copy_weights(loop)["block1_conv/kernel"], before["block1_conv/kernel"])


def test_l1_adds_the_sign_of_the_kernels() -> None:
    before, free, penalized = copy_start(), train_from_start(1), train_from_start(1, l1={"value": 0.01})
    for path, value in select_trained(free).items():
        expected = 0.1 * 0.01 * np.sign(before[path]) if path.endswith("kernel") else np.zeros(1, np.float32)
        np.testing.assert_allclose(value - penalized[path], np.broadcast_to(expected, value.shape), err_msg=path, **TOLERANCE)


def test_class_weights_multiply_the_loss() -> None:
    free = subtract(copy_start(), train_from_start(1))
    check_same(subtract(copy_start(), train_from_start(1, class_weight=[2.0] * 10)), {path: 2 * value for path, value in free.items()})


class TestVariants:
    def test_weights_are_kept_at_another_size_and_the_model_takes_the_data_sets_size(self) -> None:
        resnet = {"name": "cifar_resnet", "depth": 8}
        loop, _ = begin_new_stage(resnet)
        before = copy_weights(loop)
        _, small = begin_new_stage(resnet, image_size=16)
        loop.begin_stage(small)
        assert loop.network.input_shape == (None, 16, 16, 3)
        check_same(copy_weights(loop), before)
        assert loop.build_inference_model().input_shape == (None, 32, 32, 3)
        losses = train(loop, small, 2)
        assert np.isfinite(losses).all()

    def test_a_stage_may_have_another_dropout_rate(self) -> None:
        model = WITH_NORM | {"dropout_rate": 0.1}
        loop, _ = begin_new_stage(model)
        before = copy_weights(loop)
        _, more = begin_new_stage(model, dropout_rate=0.6)
        loop.begin_stage(more)
        rates = {layer.rate for layer in loop.network.layers if isinstance(layer, keras.layers.Dropout)}
        assert rates == {0.6}
        check_same(copy_weights(loop), before)
