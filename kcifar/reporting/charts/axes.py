"""Ticks of a logarithmic axis, and numbers short enough to label them."""

import numpy as np

_MAX_TICKS = 6


def make_log_ticks(low: float, high: float) -> list[float]:
    """Return round values between two ends > 0 for a logarithmic axis: 1, 2, 5 times each power of ten, or fewer if those are too many.

    Example:
        >>> make_log_ticks(0.9, 30)
        [1.0, 2.0, 5.0, 10.0, 20.0]
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits, stride in ((("1", "2", "5"), 1), (("1", "3"), 1), *((("1",), stride) for stride in range(1, len(powers)))):
        ticks = [float(f"{digit}e{power}") for power in powers[::stride] for digit in digits]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) <= _MAX_TICKS:
            return within
    return [float(f"1e{powers[0]}")]


def write_short_number(value: float) -> str:
    """Write a number >= 0 in few characters: 0.5, 12, 62.1k, 1.5M, 2G.

    Example:
        >>> [write_short_number(value) for value in (0, 0.25, 999, 62_000, 1_250_000, 3e12)]
        ['0', '0.25', '999', '62k', '1.25M', '3000G']
    """
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:.4g}{letter}"
    return f"{value:.4g}"
