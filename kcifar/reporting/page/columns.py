"""Kinds of table columns: how a value is stored, and how it is written for people.

CSV files contain the stored values (accuracies are fractions); Markdown and the terminal show the text that `write` returns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from kcifar.core.errors import one_line
from kcifar.core.number_format import write_rate as write_rate

MISSING = "-"
# Words of column names that headings replace; files for programs keep the names.
_HEADING_WORDS = {
    "brier": "Brier",
    "deviation": "standard deviation",
    "f1": "F1",
    "fn": "false negatives",
    "fp": "false positives",
    "share": "fraction",
    "tn": "true negatives",
    "tp": "true positives",
    "wanted": "target",
}


@dataclass(frozen=True)
class ColumnKind:
    """One kind of column.

    Attributes:
        dtype: Of the pandas column; it supports missing values.
        write: Returns the text of a value that is not missing; a named function, so that tables can be passed between processes.
    """

    dtype: str
    write: Callable[[Any], str]

    @property
    def is_number(self) -> bool:
        """Whether the values are aligned on the right."""
        return self.dtype != "string"


def write_points(fraction: float) -> str:
    """Write a difference of fractions in percentage points: +0.75, -1.20."""
    return f"{100 * fraction:+.2f}"


def write_unsigned_points(fraction: float) -> str:
    """Write a standard deviation, an error or a width in percentage points, without a sign: 0.75."""
    return f"{100 * fraction:.2f}"


def write_command(value: str) -> str:
    """Write a command in full: a shortened one cannot be run again."""
    return one_line(value, 4_000)


def write_p_value(p_value: float) -> str:
    """Write a p-value for people: 0.0312, < 0.0001."""
    return f"{p_value:.4f}" if p_value >= 1e-4 else "< 0.0001"


def write_duration(minutes: float) -> str:
    """Write a time in the unit that suits it.

    Example:
        >>> [write_duration(minutes) for minutes in (0.002, 0.14, 5.83, 59.97, 121)]
        ['0.1 seconds', '8 seconds', '5.8 minutes', '60.0 minutes', '2.0 hours']
    """
    if minutes * 60 < 60:
        return f"{minutes * 60:.1f} seconds" if minutes * 60 < 1 else f"{minutes * 60:.0f} seconds"
    return f"{minutes:.1f} minutes" if minutes < 90 else f"{minutes / 60:,.1f} hours"


def write_minutes(minutes: float) -> str:
    """Write minutes in a column: to a tenth, but those below one with two significant digits, as runs of seconds would all read 0.1.

    Example:
        >>> [write_minutes(minutes) for minutes in (1234.56, 1.04, 0.152, 0.0683, 0.0)]
        ['1,234.6', '1.0', '0.15', '0.068', '0']
    """
    return f"{minutes:,.1f}" if minutes >= 1 else f"{minutes:.2g}"


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
P_VALUE = ColumnKind("float64", write_p_value)
LOSS = ColumnKind("float64", "{:.4f}".format)
DECIMAL = ColumnKind("float64", "{:,.1f}".format)
MINUTES = ColumnKind("float64", write_minutes)

Columns = Mapping[str, ColumnKind]


def make_frame(rows: Iterable[Mapping[str, Any]], columns: Columns, index: Sequence[str]) -> pandas.DataFrame:
    """Return rows as a data frame with exactly these columns and dtypes.

    Args:
        rows: Mappings from column to value; None or NaN for a missing value.
        columns: Every column in order, including those of the index.
        index: The columns that name a row; repeated in each part of a table that is too wide.
    """
    kept = list(rows)
    # Column by column: through a common type, large counts next to missing ones would lose their last digits.
    dtypes: Mapping[str, Any] = {name: kind.dtype for name, kind in columns.items()}
    arrays = {name: pandas.Series([row.get(name) for row in kept], dtype=dtype) for name, dtype in dtypes.items()}
    return pandas.DataFrame(arrays).set_index(list(index))


def format_table(table: pandas.DataFrame, columns: Columns) -> pandas.DataFrame:
    """Return the table as text for people: index levels become columns, headings become words, missing values a dash."""
    flat = table.reset_index()
    names = [str(name) for name in flat.columns]
    texts = {format_heading(name): [MISSING if pandas.isna(value) else columns[name].write(value) for value in flat[name]] for name in names}
    return pandas.DataFrame(texts, dtype="object")


def format_heading(column: str) -> str:
    """Return a column's heading: "val_accuracy" is "val accuracy", "tp" is "true positives"."""
    return " ".join(_HEADING_WORDS.get(word, word) for word in column.split("_"))


def is_change(difference: float) -> bool:
    """Whether a difference of fractions is not written as zero."""
    return round_points(difference) != 0


def round_points(difference: float) -> float:
    """Return a difference of fractions in percentage points as it is written, with two digits; compare this with bounds."""
    return float(POINTS.write(difference))


def read_alike(first: float, second: float) -> bool:
    """Whether two fractions are written alike, or their difference is written as zero: they are within 0.01 points of each other."""
    return PERCENT.write(first) == PERCENT.write(second) or not is_change(first - second)
