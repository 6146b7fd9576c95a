"""Contracts of the schedules, the formulas of each by hand, and the values of PyTorch's schedulers for the same settings."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from part_defaults import find_defaults
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.recipe.span import Span
from kcifar.schedules import SCHEDULES

# The required arguments of each schedule; all fit a stage of any length.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.25},
    "step": {"value": 0.25, "every": "3 epochs"},
    "piecewise": {"values": [0.5, 0.25, 0.1], "boundaries": [0.3, 0.8]},
    "exponential": {"value": 0.25, "factor": 0.9},
    "polynomial": {"start": 0.25, "end": 0.01, "power": 2.0},
    "cosine": {"value": 0.25},
    "cosine_restarts": {"value": 0.25, "period": 0.25, "growth": 2.0},
    "one_cycle": {"peak": 0.25},
    "triangular": {"start": 0.05, "peak": 0.25, "end": 0.0, "peak_at": 0.23},
    "plateau": {"value": 0.25, "monitor": "loss"},
}


def compute_values(name: str, steps: int, steps_per_epoch: float = 1.0, history: Any = (), **arguments: Any) -> np.ndarray:
    table: np.ndarray = SCHEDULES.get(name)(Span(steps, steps_per_epoch, history), **arguments)
    return table


def make_history(*results: float) -> list[dict[str, float]]:
    return [{"val_loss": result, "loss": result, "val_accuracy": result} for result in results]


@given(steps=st.integers(1, 500), steps_per_epoch=st.floats(0.5, 100))
@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_returns_one_reproducible_rate_per_step(name: str, steps: int, steps_per_epoch: float) -> None:
    rates = compute_values(name, steps, steps_per_epoch, make_history(3, 2, 1), **ARGUMENTS[name])
    assert rates.shape == (steps,)
    assert rates.dtype == np.float64
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    assert rates.max() <= 0.5
    assert (rates == compute_values(name, steps, steps_per_epoch, make_history(3, 2, 1), **ARGUMENTS[name])).all()


def test_defaults_are_those_that_recipes_rely_on() -> None:
    plateau = {"factor": 0.1, "patience": 10, "monitor": "val_loss", "min_delta": 1e-4, "min_value": 0.0, "cooldown": 0}
    assert {name: find_defaults(SCHEDULES.get(name)) for name in SCHEDULES.names()} == {
        "constant": {},
        "cosine": {"end": 0.0},
        "cosine_restarts": {"growth": 1.0, "end": 0.0},
        "exponential": {"every": "1 epoch"},
        "one_cycle": {"start_share": 1 / 25, "end_share": 4e-6, "rise": 0.3, "shape": "cosine"},
        "piecewise": {},
        "plateau": plateau,
        "polynomial": {"power": 1.0},
        "step": {"factor": 0.1},
        "triangular": {},
    }


def test_constant_is_constant() -> None:
    assert compute_values("constant", 4, value=0.25).tolist() == [0.25] * 4


def test_steps_by_hand() -> None:
    assert compute_values("step", 7, 2, value=1.0, every="1 epoch", factor=0.5).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert compute_values("step", 5, value=1.0, every=0.4).tolist() == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    # With two and a half updates per epoch, epochs begin at updates 2 and 5 (2.5, rounded to the even number, and 5).
    assert compute_values("step", 6, 2.5, value=1.0, every="1 epochs", factor=0.5).tolist() == [1, 1, 0.5, 0.5, 0.5, 0.25]


@given(steps=st.integers(1, 300), batches=st.integers(1, 40), accumulate=st.integers(1, 3), epochs=st.integers(3, 9))
def test_step_is_piecewise_at_its_own_boundaries(steps: int, batches: int, accumulate: int, epochs: int) -> None:
    per_epoch = batches / accumulate
    boundaries = [f"{k * epochs} epochs" for k in range(1, steps) if k * epochs * per_epoch <= steps]
    pieces = compute_values("piecewise", steps, per_epoch, values=[0.5**k for k in range(len(boundaries) + 1)], boundaries=boundaries)
    assert pieces == pytest.approx(compute_values("step", steps, per_epoch, value=1.0, every=f"{epochs} epochs", factor=0.5))


def test_piecewise_by_hand_in_three_units() -> None:
    rates = compute_values("piecewise", 10, 3, values=[4.0, 3.0, 2.0, 1.0], boundaries=["1 epoch", "5 steps", 0.8])
    assert rates.tolist() == [4, 4, 4, 3, 3, 2, 2, 2, 1, 1]


def test_exponential_by_hand() -> None:
    assert compute_values("exponential", 5, 2, value=1.0, factor=0.25).tolist() == pytest.approx([1, 0.5, 0.25, 0.125, 0.0625])
    assert compute_values("exponential", 3, value=1e-3, factor=10.0, every="1 step").tolist() == pytest.approx([1e-3, 1e-2, 1e-1])


def test_polynomial_is_flat_at_the_smaller_value() -> None:
    assert compute_values("polynomial", 4, start=1.0, end=0.0).tolist() == [1, 0.75, 0.5, 0.25]
    assert compute_values("polynomial", 4, start=1.0, end=0.0, power=2.0).tolist() == [1, 0.5625, 0.25, 0.0625]
    # The lookahead of airbench94.py keeps 0.95^5 (t / T)^3.
    assert compute_values("polynomial", 4, start=0.0, end=0.95**5, power=3.0) == pytest.approx(0.95**5 * (np.arange(4) / 4) ** 3)
    # A rise mirrors the fall, shifted by one: neither reaches its end.
    fall, rise = (compute_values("polynomial", 10, start=a, end=b, power=3.0) for a, b in [(0.7, 0.1), (0.1, 0.7)])
    assert rise[1:] == pytest.approx(fall[:0:-1])


def test_cosine_by_hand() -> None:
    half = math.sqrt(0.5)
    assert compute_values("cosine", 4, value=1.0) == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2])
    assert compute_values("cosine", 2, value=0.2, end=0.6) == pytest.approx([0.2, 0.4])  # a rise


def test_cosine_restarts_by_hand() -> None:
    rates = compute_values("cosine_restarts", 8, 2, value=1.0, period="1 epoch", growth=2.0)
    assert rates == pytest.approx(np.concatenate([compute_values("cosine", n, value=1.0) for n in (2, 4, 8)])[:8])
    assert compute_values("cosine_restarts", 9, value=1.0, period=1.0) == pytest.approx(compute_values("cosine", 9, value=1.0))


def test_one_cycle_by_hand() -> None:
    rates = compute_values("one_cycle", 9, peak=1.0, start_share=0.2, end_share=0.1, rise="5 steps", shape="linear")
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 0.775, 0.55, 0.325, 0.1])
    assert compute_values("one_cycle", 3, peak=1.0, rise=0.0, end_share=0.0, shape="linear").tolist() == [1, 0.5, 0]


def test_triangular_equals_airbenchs() -> None:
    # airbench94.py: numpy.interp over [0, int(0.23 T), T] and [0.2, 1, 0.07], in terms of the peak.
    expected = np.interp(np.arange(100), [0, 23, 100], [0.2, 1.0, 0.07])
    assert compute_values("triangular", 100, start=0.2, peak=1.0, end=0.07, peak_at=0.23) == pytest.approx(expected)
    assert compute_values("triangular", 4, start=0.0, peak=1.0, end=0.0, peak_at=0.0).tolist() == [1, 0.75, 0.5, 0.25]
    # In a one-cycle policy, the momentum falls while the rate rises.
    assert compute_values("triangular", 4, start=0.95, peak=0.85, end=0.95, peak_at="2 steps") == pytest.approx([0.95, 0.9, 0.85, 0.9])


def test_plateau_by_hand() -> None:
    # Patience 1: epochs 3 and 4 are no better than epoch 2, so the value falls in epoch 5; epochs 5 and 6 cause the second fall.
    history = make_history(3.0, 2.0, 2.0, 2.5, 2.5, 2.5)
    epochs = [compute_values("plateau", 16, 2, history[:e], value=1.0, factor=0.5, patience=1)[2 * e] for e in range(7)]
    assert epochs == [1, 1, 1, 1, 0.5, 0.5, 0.25]
    # An accuracy should rise, so 0.5 after 0.4 is an improvement.
    assert compute_values("plateau", 3, 1, make_history(0.4, 0.5), value=1.0, patience=0, monitor="val_accuracy").tolist() == [1, 1, 1]
    assert compute_values("plateau", 3, 1, make_history(0.4, 0.5), value=1.0, patience=0).tolist() == pytest.approx([1, 1, 0.1])


@given(data=st.data(), batches=st.integers(1, 9), accumulate=st.integers(1, 4), epochs=st.integers(1, 12))
def test_plateau_keeps_the_value_of_an_epoch_as_the_history_grows(data: Any, batches: int, accumulate: int, epochs: int) -> None:
    results = data.draw(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=epochs, max_size=epochs))
    steps = max(1, epochs * batches // accumulate)
    final = compute_values("plateau", steps, batches / accumulate, make_history(*results), value=1.0, patience=0)
    # The update with index t is applied in batch (t + 1) accumulate - 1, and so in the epoch of that batch.
    epoch_of = [((t + 1) * accumulate - 1) // batches for t in range(steps)]
    at_that_time = [
        compute_values("plateau", steps, batches / accumulate, make_history(*results[:e]), value=1.0, patience=0)[t] for t, e in enumerate(epoch_of)
    ]
    assert final.tolist() == at_that_time


def test_plateau_needs_its_column() -> None:
    for row in ({"loss": 1.0}, {"loss": 1.0, "val_loss": None}):
        with pytest.raises(UserError, match=r"monitor: expected a column of the history, got 'val_loss'; without a validation split use"):
            compute_values("plateau", 3, 1, [row], value=1.0)


TORCH_EPOCHS = [
    ("step", {"value": 0.5, "every": "3 epochs", "factor": 0.2}, "StepLR", {"step_size": 3, "gamma": 0.2}),
    ("piecewise", {"values": [0.5, 0.05, 0.005], "boundaries": ["2 epochs", "7 epochs"]}, "MultiStepLR", {"milestones": [2, 7], "gamma": 0.1}),
    ("exponential", {"value": 0.5, "factor": 0.9}, "ExponentialLR", {"gamma": 0.9}),
    ("cosine", {"value": 0.5, "end": 0.01}, "CosineAnnealingLR", {"T_max": 23, "eta_min": 0.01}),
    (
        "cosine_restarts",
        {"value": 0.5, "period": "3 epochs", "growth": 2.0, "end": 0.1},
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 2, "eta_min": 0.1},
    ),
    ("polynomial", {"start": 0.5, "end": 0.0, "power": 2.5}, "PolynomialLR", {"total_iters": 23, "power": 2.5}),
    ("one_cycle", {"peak": 0.5}, "OneCycleLR", {"max_lr": 0.5, "total_steps": 23}),
    (
        "one_cycle",
        {"peak": 0.5, "rise": 0.4, "shape": "linear"},
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 23, "pct_start": 0.4, "anneal_strategy": "linear"},
    ),
]


def make_torch_scheduler(name: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    return optimizer, getattr(torch.optim.lr_scheduler, name)(optimizer, **settings)


@pytest.mark.parametrize(("name", "arguments", "torch_class", "settings"), TORCH_EPOCHS, ids=lambda value: value if isinstance(value, str) else "")
def test_torch_computes_the_same_values(name: str, arguments: dict[str, Any], torch_class: str, settings: dict[str, Any]) -> None:
    optimizer, scheduler = make_torch_scheduler(torch_class, settings)
    expected = []
    for _ in range(23):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < 23:
            scheduler.step()
    assert compute_values(name, 23, **arguments) == pytest.approx(expected, rel=1e-6)


@given(
    results=st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, math.nan, math.inf]), min_size=1, max_size=30),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    accuracy=st.booleans(),
    delta=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_plateau_equals_torchs(results: list[float], patience: int, cooldown: int, accuracy: bool, delta: float) -> None:
    mode = "max" if accuracy else "min"
    settings = {"mode": mode, "factor": 0.5, "patience": patience, "cooldown": cooldown, "threshold": delta, "threshold_mode": "abs", "eps": 0}
    optimizer, scheduler = make_torch_scheduler("ReduceLROnPlateau", settings | {"min_lr": 0.01})
    for result in results:
        scheduler.step(result)
    arguments = {
        "patience": patience,
        "cooldown": cooldown,
        "min_delta": delta,
        "min_value": 0.01,
        "monitor": "val_accuracy" if accuracy else "val_loss",
    }
    rates = compute_values("plateau", len(results) + 1, 1, make_history(*results), value=0.5, factor=0.5, **arguments)
    assert rates[-1] == pytest.approx(optimizer.param_groups[0]["lr"])


def compute_rates(schedule: Any, **changes: Any) -> np.ndarray:
    """Return the rates of a stage of two epochs of two updates with this schedule in a recipe."""
    stage = {"name": "only", "epochs": 2, "learning_rate": schedule, **changes}
    recipe = tiny_recipe(defaults={"batch_size": 10}, stages=[stage])
    return make_plan(load_recipe(recipe)).stages[0].learning_rates(20)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"name": "step", "value": 1.0, "every": "0 epochs"}, r"every: expected a duration > 0, got '0 epochs'"),
        (
            {"name": "step", "value": 1.0, "every": "soon"},
            r"every: expected 'N epochs', 'N steps' or a fraction of the stage in \[0, 1\], got 'soon'",
        ),
        ({"name": "step", "value": -1.0, "every": 0.5}, r"value: expected a number >= 0, got -1.0"),
        ({"name": "step", "value": 1.0, "every": 0.5, "factor": 1.5}, r"factor: expected a number > 0 and <= 1, got 1.5"),
        ({"name": "piecewise", "values": [1.0, 0.1], "boundaries": []}, r"boundaries: expected 1, one fewer than the values, got 0"),
        (
            {"name": "piecewise", "values": [3.0, 2.0, 1.0], "boundaries": ["1 epoch", 0.5]},
            r"boundaries\[1\]: expected more than '1 epoch', the previous boundary, got 0.5",
        ),
        (
            {"name": "piecewise", "values": [1.0, 0.1], "boundaries": ["3 epochs"]},
            r"boundaries\[0\]: expected at most 4 steps, the length of the schedule, got '3 epochs' \(6 steps\)",
        ),
        ({"name": "cosine_restarts", "value": 1.0, "period": "5 steps"}, r"period: expected at most 4 steps, .* got '5 steps' \(5 steps\)"),
        ({"name": "cosine_restarts", "value": 1.0, "period": 0}, r"period: expected a duration > 0, got 0"),
        ({"name": "cosine_restarts", "value": 1.0, "period": 0.5, "growth": 0.5}, r"growth: expected a number >= 1 and <= 100, got 0.5"),
        ({"name": "one_cycle", "peak": 1.0, "rise": "9 epochs"}, r"rise: expected at most 4 steps, .* got '9 epochs' \(18 steps\)"),
        ({"name": "one_cycle", "peak": 1.0, "shape": "round"}, r"shape: expected one of 'cosine', 'linear', got 'round'"),
        ({"name": "triangular", "start": 0.1, "peak": 1.0, "end": 0.0, "peak_at": "5 steps"}, r"peak_at: expected at most 4 steps, .* got '5 steps'"),
        ({"name": "plateau", "value": 1.0, "monitor": "val_los"}, r"monitor: expected one of 'val_loss', .*, got 'val_los'"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(schedule: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=r"stages\[0\]\.learning_rate.*" + message) as caught:
        compute_rates(schedule)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_finite_is_refused_with_its_place() -> None:
    message = r"stages\[0\]\.learning_rate: expected values >= 0 and <= 3.4e\+38, got 1e\+39 at step 14 of 'exponential'"
    with pytest.raises(UserError, match=message):
        compute_rates({"name": "exponential", "value": 1.0, "factor": 1000.0, "every": "1 step"}, epochs=100)


@given(rise=st.integers(1, 3), share=st.floats(0, 1))
def test_a_warm_up_rises_linearly_to_the_first_value(rise: int, share: float) -> None:
    rates = compute_rates({"name": "cosine", "value": 0.4, "warm_up": f"{rise} steps", "warm_up_from": share})
    assert rates[:rise] == pytest.approx(0.4 * (share + (1 - share) * np.arange(rise) / rise))
    assert rates[rise:] == pytest.approx(compute_values("cosine", 4 - rise, value=0.4))


def test_unknown_schedules_suggest_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"learning_rate\.name: no schedule 'cosin'; did you mean 'cosine'\?"):
        compute_rates({"name": "cosin", "value": 1.0})
