"""Laws of the tests that sentences rest on: golden values, agreement with SciPy, and how often equal things are called different."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, chi2_contingency, linregress, ttest_ind
from scipy.stats import fisher_exact as scipy_fisher

from kcifar.reporting.analysis.claims import claim_change, claim_difference, find_clear_extremes
from kcifar.reporting.stats.differences import Sample, can_compare_seeds, welch_half_width, welch_test
from kcifar.reporting.stats.proportions import Proportion, compare_proportions, compare_with_fraction, fisher_exact, make_proportion
from kcifar.reporting.stats.significance import slope_test

COUNTS = st.integers(1, 400).flatmap(lambda trials: st.builds(Proportion, st.integers(0, trials), st.just(trials)))


def test_two_proportions_by_statsmodels() -> None:
    """statsmodels 0.15.0: `proportions_ztest([9438, 9347], [10000, 10000])[1]`, and `proportions_ztest([81, 34], [263, 87])[1]`."""
    assert compare_proportions(Proportion(9438, 10_000), Proportion(9347, 10_000)) == pytest.approx(0.007064608543255856, rel=1e-12)
    assert compare_proportions(Proportion(81, 263), Proportion(34, 87)) == pytest.approx(0.15395994775258307, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS)
@example(Proportion(10, 10), Proportion(0, 10))
@example(Proportion(0, 400), Proportion(5, 400))
def test_two_proportions_are_tested_as_by_scipy(a: Proportion, b: Proportion) -> None:
    table = [[each.successes, each.trials - each.successes] for each in (a, b)]
    expected = np.outer(np.sum(table, axis=1), np.sum(table, axis=0)) / np.sum(table)
    exact = scipy_fisher(table).pvalue
    assert fisher_exact(a, b) == pytest.approx(exact, rel=1e-7)
    result = compare_proportions(a, b)
    assert result == compare_proportions(b, a) or result == pytest.approx(compare_proportions(b, a))
    assert 0 <= result <= 1
    assert result == pytest.approx(exact if expected.min() < 5 else chi2_contingency(table, correction=False).pvalue, rel=1e-7)


@settings(max_examples=100, deadline=None)
@given(COUNTS, st.integers(0, 100).map(lambda percent: percent / 100))
def test_a_proportion_is_compared_with_a_fraction_as_by_scipy(observed: Proportion, fraction: float) -> None:
    result = compare_with_fraction(observed, fraction)
    if observed.trials * min(fraction, 1 - fraction) < 5:
        assert result == pytest.approx(binomtest(observed.successes, observed.trials, fraction).pvalue, rel=1e-6, abs=1e-12)
    else:
        interval = binomtest(observed.successes, observed.trials).proportion_ci(method="wilson")
        assert (result < 0.05) == (not interval.low <= fraction <= interval.high) or abs(result - 0.05) < 1e-6


def test_nothing_is_known_without_trials() -> None:
    assert compare_proportions(Proportion(0, 0), Proportion(5, 5)) == 1
    assert math.isnan(Proportion(0, 0).value)
    assert make_proportion(0.9438, 10_000) == Proportion(9438, 10_000)
    assert not claim_change(0.1, 0.9, None).holds
    assert not claim_change(math.nan, 0.9, 10_000).holds
    assert not claim_difference(Proportion(0, 0), Proportion(5, 5)).holds


@pytest.mark.parametrize("trials", [3, 10, 20, 30, 50, 100])
@pytest.mark.parametrize("level", [0.05, 0.05 / 45])
def test_equal_proportions_differ_no_more_often_than_promised(trials: int, level: float) -> None:
    """Exactly, over all outcomes; the normal approximation exceeds a level of 5% by up to a seventh."""
    numbers = range(trials + 1)
    shown = np.array([[compare_proportions(Proportion(a, trials), Proportion(b, trials)) < level for b in numbers] for a in numbers])
    for fraction in (0.5, 0.7, 0.9, 0.97):
        chances = binom.pmf(numbers, trials, fraction)
        assert chances @ shown @ chances <= 1.15 * level


@settings(max_examples=60, deadline=None)
@given(st.lists(COUNTS, min_size=2, max_size=12))
def test_extremes_are_the_highest_and_the_lowest_and_what_is_not_clearly_apart(drawn: list[Proportion]) -> None:
    extremes = find_clear_extremes(dict(enumerate(drawn)))
    values = [each.value for each in drawn]
    assert (values[extremes.highest], values[extremes.lowest]) == (max(values), min(values))
    pairs = len(drawn) * (len(drawn) - 1) // 2
    for end, near in ((extremes.highest, extremes.near_highest), (extremes.lowest, extremes.near_lowest)):
        for place, other in enumerate(drawn):
            if place != end:
                clear = pairs * compare_proportions(drawn[end], other) < 0.05 and f"{100 * abs(values[end] - values[place]):.2f}" != "0.00"
                assert (place in near) == (not clear)
    if extremes.highest != extremes.lowest:
        assert extremes.claim.holds == (extremes.lowest not in extremes.near_highest)


def test_classes_that_are_truly_equal_are_told_apart_in_at_most_one_case_in_twenty() -> None:
    rng = np.random.default_rng(0)
    for classes, images, accuracy in ((10, 100, 0.9), (10, 36, 0.99), (3, 1000, 0.5), (40, 50, 0.7)):
        drawn = rng.binomial(images, accuracy, (300, classes))
        told = [find_clear_extremes({k: Proportion(int(count), images) for k, count in enumerate(row)}).claim.holds for row in drawn]
        assert np.mean(told) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_a_difference_chosen_from_many_must_be_larger() -> None:
    a, b = Proportion(9438, 10_000), Proportion(9347, 10_000)
    assert claim_difference(a, b).p_value == pytest.approx(0.0070646, abs=1e-7)
    assert claim_difference(a, b, 7).holds
    assert not claim_difference(a, b, 8).holds
    assert claim_difference(a, b, 1000).p_value == 1
    assert not claim_difference(Proportion(540_000, 10**9), Proportion(500_000, 10**9)).holds  # clear, but written as 0.00 points


def test_welch_by_statsmodels() -> None:
    """statsmodels 0.15.0: `weightstats.ttest_ind([.9345, .9334, .9347], [.8947, .8922, .8921], usevar="unequal")[1]`."""
    a, b = Sample((0.9345, 0.9334, 0.9347), None), Sample((0.8947, 0.8922, 0.8921), None)
    assert welch_test(a, b) == pytest.approx(3.942645692373404e-05, rel=1e-9)


SEEDS = st.lists(st.integers(0, 100).map(lambda count: count / 100), min_size=2, max_size=6)


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")  # SciPy's, where one sample does not vary
@settings(max_examples=80, deadline=None)
@given(SEEDS, SEEDS)
def test_welch_is_that_of_scipy_and_agrees_with_its_interval(one: list[float], other: list[float]) -> None:
    a, b = Sample(tuple(one), None), Sample(tuple(other), None)
    if not can_compare_seeds(a, b):
        assert len(set(one)) == len(set(other)) == 1
        return
    p_value = welch_test(a, b)
    assert p_value == pytest.approx(ttest_ind(one, other, equal_var=False).pvalue, rel=1e-7, abs=1e-15)
    if abs(p_value - 0.05) > 1e-9:
        assert (p_value < 0.05) == (abs(a.mean - b.mean) > welch_half_width(a, b))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 1000).map(lambda count: count / 1000), min_size=3, max_size=10))
@example([0.5, 0.55, 0.6, 0.65])
@example([0.3, 0.3, 0.3, 0.3])
def test_the_slope_is_tested_as_by_scipy(values: list[float]) -> None:
    expected = linregress(range(len(values)), values)
    level = len(set(values)) == 1 or abs(expected.slope) < 1e-12
    assert slope_test(values) == pytest.approx(1.0 if level else expected.pvalue, rel=1e-5, abs=1e-7)


def test_a_slope_is_found_in_noise_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(1)
    for count in (4, 6, 10):
        found = np.mean([slope_test(values) < 0.05 for values in rng.normal(0.7, 0.01, (1000, count)).tolist()])
        assert found == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 1000))
