"""What a range test's curve suggests: a known law plus noise gives the known rate, noise alone gives none."""

import numpy as np
import pytest

from kcifar.training import learning_rate_curve
from kcifar.training.learning_rate_curve import LearningRateCurve
from kcifar.training.learning_rate_figure import draw_learning_rate_curve
from kcifar.training.learning_rate_finder import describe_suggestion, has_diverged

RATES = np.geomspace(1e-6, 10, 200)
DECADES = np.log10(RATES)


def fall_at(decade: float, width: float = 0.4) -> np.ndarray:
    """Return a loss that falls from 2.3 to 0.3, fastest at 10^decade, and rises a decade and a half later, as one that diverges."""
    return 1.3 - np.tanh((DECADES - decade) / width) + 10 ** np.clip(2 * (DECADES - decade - 1.5), -9, 2)


def test_without_noise_the_suggestion_is_the_middle_of_the_fall() -> None:
    curve = LearningRateCurve(RATES, fall_at(-2.5))
    assert curve.suggestion is not None
    assert curve.suggested_range is not None
    assert np.log10(curve.suggestion) == pytest.approx(-2.5, abs=0.05)
    # tanh is at 3/5 where a fifth and four fifths of the way are done; the averages widen the range by less than a tenth of a decade.
    assert np.log10(curve.suggested_range) == pytest.approx([-2.5 - 0.4 * np.arctanh(0.6), -2.5 + 0.4 * np.arctanh(0.6)], abs=0.1)
    assert curve.fall == pytest.approx(2, abs=0.1)
    assert describe_suggestion(curve) == "suggested learning rate: 0.003; the loss falls from 0.0016 to 0.0058"
    assert curve.noise < 0.01


@pytest.mark.parametrize("decade", [-4.5, -3.0, -1.5])
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
def test_with_noise_the_suggestion_holds_over_seeds_within_a_factor_of_two(decade: float, noise: float) -> None:
    suggestions = []
    for seed in range(40):
        curve = LearningRateCurve(RATES, fall_at(decade) + np.random.default_rng(seed).normal(0, noise, 200))
        assert curve.noise == pytest.approx(noise, rel=0.5, abs=0.02)
        suggestions.append(curve.suggestion)
    errors = np.abs(np.log10(np.array(suggestions, float)) - decade)
    assert errors.max() < np.log10(2)
    assert np.median(errors) < 0.1


def draw_noise(kind: str, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    draws = {"normal": generator.normal(size=200), "exponential": generator.exponential(size=200), "rising": generator.normal(size=200) + DECADES}
    return 2.3 + 0.2 * draws[kind]


@pytest.mark.parametrize("kind", ["normal", "exponential", "rising"])
def test_noise_alone_gives_none_and_the_reason(kind: str) -> None:
    curves = [LearningRateCurve(RATES, draw_noise(kind, seed)) for seed in range(200)]
    assert all(curve.suggestion is None and curve.suggested_range is None for curve in curves)
    assert all("from batch to batch" in curve.reason or "where the test begins" in curve.reason for curve in curves)
    assert describe_suggestion(curves[0]).startswith("no learning rate can be suggested: the loss ")
    assert "no suggestion: the loss" in repr(curves[0])


def test_one_lucky_batch_changes_nothing() -> None:
    """The first points of a running mean are raw losses: one of them low was the steepest fall, and 1e-6 was suggested."""
    plain = LearningRateCurve(RATES, fall_at(-2.5))
    for place in (0, 1, 2, 40):
        losses = fall_at(-2.5)
        losses[place] -= 1.5
        assert LearningRateCurve(RATES, losses).suggestion == pytest.approx(plain.suggestion, rel=0.1)


@pytest.mark.parametrize("updates", [1, 2, 20, 44])
def test_a_test_that_diverges_early_suggests_nothing(updates: int) -> None:
    curve = LearningRateCurve(RATES[:updates], np.linspace(2.3, 1.0, updates))
    assert curve.suggestion is None
    assert f"diverges after {updates} updates" in curve.reason


def test_the_figure_shows_noise_and_range_or_the_reason() -> None:
    noisy = fall_at(-2.5) + np.random.default_rng(0).normal(0, 0.2, 200)
    figure = draw_learning_rate_curve(curve := LearningRateCurve(RATES, noisy), "mine")
    panel = figure.axes[0]
    assert np.array_equal(np.asarray(panel.lines[0].get_ydata()), noisy)
    assert np.array_equal(np.asarray(panel.lines[1].get_ydata()), curve.smoothed)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(f"noise {curve.noise:.2g}" in label for label in labels)
    assert any("falls from 20 % to 80 %" in label for label in labels)
    flat = draw_learning_rate_curve(LearningRateCurve(RATES, draw_noise("normal", 0)), "mine").axes[0]
    assert "no suggestion: the loss falls by" in flat.get_title(loc="left")
    assert len(flat.patches) == 0


def test_a_loss_diverges_once_it_exceeds_its_start_and_four_times_its_lowest() -> None:
    start, low = [2.0] * 10, [0.1] * 10
    assert not has_diverged(start + low + [1.9] * 5)  # from 0.1, but below the start
    assert has_diverged(start + low + [2.1] * 5)
    assert not has_diverged(start + low + [9.0])  # one batch
    assert not has_diverged([2.0, 9.0, 9.0])


def test_the_margin_over_noise_is_a_tests_own() -> None:
    """The ratio that the module's comment states, simulated."""
    ratios = [curve.fall / curve.noise for curve in (LearningRateCurve(RATES, draw_noise("normal", seed)) for seed in range(400))]
    assert np.median(ratios) == pytest.approx(0.6, abs=0.1)
    assert max(ratios) < learning_rate_curve.SMALLEST_FALL
