"""Blocks below one another in as many columns as make a page of them."""

import math
from collections.abc import Callable, Sequence

PAGE, HIGHEST = 0.8, 720.0  # width to height of a page's printed part; its height in points
MAX_COLUMNS = 6
TORN = 2.0  # a column that tears a group counts as so many times higher
FEWER = 0.5  # what a column more must gain in shape

Height = Callable[[int, int], float]


def split(count: int, height: Height, width: Callable[[int, int], float], unwanted: Sequence[bool]) -> list[tuple[int, int]]:
    """Choose where columns begin so that the whole comes nearest to the shape of a page.

    Args:
        count: How many blocks there are, at least one.
        height: Of a column that holds the blocks from the first to before the second number.
        width: Of the same column.
        unwanted: For each block whether a column should rather not begin with it, since its group began before.
    Returns:
        First and end of each column.
    """
    choices = [_even(count, columns, height, unwanted) for columns in range(1, min(count, MAX_COLUMNS) + 1)]
    return min(choices, key=lambda columns: _distance(columns, height, width))


def _distance(columns: Sequence[tuple[int, int]], height: Height, width: Height) -> float:
    """How far the shape of the whole is from a page's, and how far it is higher; few columns are read more easily."""
    across, down = sum(width(*column) for column in columns), max(height(*column) for column in columns)
    return abs(math.log(across / down / PAGE)) + 3 * max(0.0, math.log(down / HIGHEST)) + FEWER * len(columns)


def _even(count: int, columns: int, height: Height, unwanted: Sequence[bool]) -> list[tuple[int, int]]:
    """Split so that the highest column is as low as can be; a column that tears a group counts as higher."""
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
