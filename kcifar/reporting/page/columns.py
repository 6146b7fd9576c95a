"""The kinds of columns that tables are made of: how a value is kept, and how it is written for people.

CSV files hold values as they are kept (accuracies are fractions); Markdown and the terminal hold what `write` makes of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from kcifar.core.errors import one_line

MISSING = "-"


@dataclass(frozen=True)
class Kind:
    """One kind of column.

    Attributes:
        dtype: Of the pandas column; each of them knows missing values.
        write: Makes text of a value that is not missing; a named function, so that tables pass between processes.
    """

    dtype: str
    write: Callable[[Any], str]

    @property
    def is_number(self) -> bool:
        """Whether the values line up on the right."""
        return self.dtype != "string"


def write_rate(value: float) -> str:
    """Write a learning rate as recipes do: 3e-4, 1.5e-3, 0.01, 1."""
    text = f"{value:.4g}" if value == 0 or 1e-2 <= abs(value) < 1e4 else f"{value:.3e}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def write_points(share: float) -> str:
    """Write a difference of shares in percentage points: +0.75, -1.20."""
    return f"{100 * share:+.2f}"


def write_spread(share: float) -> str:
    """Write a deviation, an error or a width in percentage points, without a sign: 0.75."""
    return f"{100 * share:.2f}"


def write_command(value: str) -> str:
    """Write a command whole: one that is cut cannot be typed again."""
    return one_line(value, 4_000)


TEXT = Kind("string", one_line)
COMMAND = Kind("string", write_command)
COUNT = Kind("Int64", "{:,}".format)
SHARE = Kind("float64", "{:.2%}".format)
POINTS = Kind("float64", write_points)
SPREAD = Kind("float64", write_spread)
LEARNING_RATE = Kind("float64", write_rate)
LOSS = Kind("float64", "{:.4f}".format)
DECIMAL = Kind("float64", "{:,.1f}".format)

Columns = Mapping[str, Kind]


def frame(rows: Iterable[Mapping[str, Any]], columns: Columns, index: Sequence[str]) -> pandas.DataFrame:
    """Return rows as a table with exactly the given columns and dtypes.

    Args:
        rows: A mapping from column to value; None or NaN where there is none.
        columns: Every column in order, those of the index included.
        index: The columns that name a row; printed again wherever a wide table is broken.
    """
    kept = list(rows)
    # Column by column: through a common type, large counts beside missing ones would lose their last digits.
    dtypes: Mapping[str, Any] = {name: kind.dtype for name, kind in columns.items()}
    arrays = {name: pandas.Series([row.get(name) for row in kept], dtype=dtype) for name, dtype in dtypes.items()}
    return pandas.DataFrame(arrays).set_index(list(index))


def written(table: pandas.DataFrame, columns: Columns) -> pandas.DataFrame:
    """Return the table as text for people: the index becomes columns, headings become words, missing values a dash."""
    flat = table.reset_index()
    names = [str(name) for name in flat.columns]
    texts = {heading(name): [MISSING if pandas.isna(value) else columns[name].write(value) for value in flat[name]] for name in names}
    return pandas.DataFrame(texts, dtype="object")


def heading(column: str) -> str:
    """Return a column's heading: "val_accuracy" is "val accuracy"."""
    return column.replace("_", " ")
