"""Ticks and numbers of a logarithmic axis. Ticks over any range: `test_comparison_of_runs.py`."""

import pytest

from kcifar.reporting.charts.axes import make_log_ticks, write_short_number


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (999, "999"), (62_000, "62k"), (62_149, "62.15k"), (1_250_000, "1.25M"), (3e12, "3000G")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert write_short_number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.9, 30, [1, 2, 5, 10, 20]), (1, 100, [1, 3, 10, 30, 100]), (1, 1e4, [1, 10, 100, 1000, 10_000]), (1, 1e9, [1, 100, 10_000, 1e6, 1e8])],
)
def test_ticks_are_round_and_get_sparser(low: float, high: float, ticks: list[float]) -> None:
    assert make_log_ticks(low, high) == ticks
