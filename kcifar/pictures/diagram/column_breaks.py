"""The division of blocks into columns that gives a page its shape."""

import math
from collections.abc import Callable, Sequence

ASPECT, MAX_HEIGHT = 0.8, 720.0  # of a page's printed part: width to height, height in points
MAX_COLUMNS = 6
TORN = 2.0  # a column that tears a group counts as this many times higher
FEWER = 0.5  # the improvement in shape that one more column must bring

Height = Callable[[int, int], float]


def break_columns(count: int, height: Height, width: Callable[[int, int], float], unwanted: Sequence[bool]) -> list[tuple[int, int]]:
    """Choose where columns begin so that the picture has nearly the shape of a page.

    Args:
        count: How many blocks there are, at least one.
        height: Of a column with the blocks from the first number to before the second.
        width: Of the same column.
        unwanted: For each block whether a column should preferably not begin with it, since its group began before.
    Returns:
        First and end of each column.
    """
    choices = [_break_evenly(count, columns, height, unwanted) for columns in range(1, min(count, MAX_COLUMNS) + 1)]
    return min(choices, key=lambda columns: _rate_columns(columns, height, width))


def _rate_columns(columns: Sequence[tuple[int, int]], height: Height, width: Height) -> float:
    """Return how far the picture is from the shape of a page and how far it is too high; few columns are easier to read."""
    width_sum, highest = sum(width(*column) for column in columns), max(height(*column) for column in columns)
    return abs(math.log(width_sum / highest / ASPECT)) + 3 * max(0.0, math.log(highest / MAX_HEIGHT)) + FEWER * len(columns)


def _break_evenly(count: int, columns: int, height: Height, unwanted: Sequence[bool]) -> list[tuple[int, int]]:
    """Minimize the height of the highest column; a column that tears a group counts as higher."""
    best: dict[tuple[int, int], tuple[float, list[tuple[int, int]]]] = {(0, 0): (0.0, [])}
    for number in range(1, columns + 1):
        for end in range(number, count + 1):
            options = []
            for first in range(number - 1, end):
                if (number - 1, first) in best:
                    highest, parts = best[number - 1, first]
                    options.append((max(highest, height(first, end) * (TORN if unwanted[first] else 1.0)), [*parts, (first, end)]))
            if options:
                best[number, end] = min(options)
    return best[columns, count][1]
