"""The kinds of columns that tables are made of: how a value is kept, and how it is written for people.

CSV files hold values as they are kept (accuracies are fractions); Markdown and the terminal hold what `write` makes of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from kcifar.core.errors import one_line
from kcifar.core.number_format import write_rate as write_rate

MISSING = "-"


@dataclass(frozen=True)
class ColumnKind:
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


def write_points(share: float) -> str:
    """Write a difference of shares in percentage points: +0.75, -1.20."""
    return f"{100 * share:+.2f}"


def write_unsigned_points(share: float) -> str:
    """Write a deviation, an error or a width in percentage points, without a sign: 0.75."""
    return f"{100 * share:.2f}"


def write_command(value: str) -> str:
    """Write a command whole: one that is cut cannot be typed again."""
    return one_line(value, 4_000)


def write_p_value(p_value: float) -> str:
    """Write a p-value for people: 0.0312, < 0.0001."""
    return f"{p_value:.4f}" if p_value >= 1e-4 else "< 0.0001"


def write_named_p_value(p_value: float) -> str:
    """Write a p-value with its name: "p = 0.0312", "p < 0.0001"."""
    written = write_p_value(p_value)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


TEXT = ColumnKind("string", one_line)
COMMAND = ColumnKind("string", write_command)
COUNT = ColumnKind("Int64", "{:,}".format)
PERCENT = ColumnKind("float64", "{:.2%}".format)
POINTS = ColumnKind("float64", write_points)
UNSIGNED_POINTS = ColumnKind("float64", write_unsigned_points)
LEARNING_RATE = ColumnKind("float64", write_rate)
LOSS = ColumnKind("float64", "{:.4f}".format)
DECIMAL = ColumnKind("float64", "{:,.1f}".format)

Columns = Mapping[str, ColumnKind]


def make_frame(rows: Iterable[Mapping[str, Any]], columns: Columns, index: Sequence[str]) -> pandas.DataFrame:
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


def format_table(table: pandas.DataFrame, columns: Columns) -> pandas.DataFrame:
    """Return the table as text for people: the index becomes columns, headings become words, missing values a dash."""
    flat = table.reset_index()
    names = [str(name) for name in flat.columns]
    texts = {format_heading(name): [MISSING if pandas.isna(value) else columns[name].write(value) for value in flat[name]] for name in names}
    return pandas.DataFrame(texts, dtype="object")


def format_heading(column: str) -> str:
    """Return a column's heading: "val_accuracy" is "val accuracy"."""
    return column.replace("_", " ")


def is_change(difference: float) -> bool:
    """Whether a difference of shares is written as other than zero."""
    return round_points(difference) != 0


def round_points(difference: float) -> float:
    """Return a difference of shares as it is written, in percentage points with two digits; what is compared with a bound is this."""
    return float(POINTS.write(difference))


def read_alike(first: float, second: float) -> bool:
    """Whether two shares are written alike, or so is their difference and zero; they are within 0.01 points then."""
    return PERCENT.write(first) == PERCENT.write(second) or not is_change(first - second)
