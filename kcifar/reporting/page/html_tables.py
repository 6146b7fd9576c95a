"""Tables as HTML, and the templates that produce it: all text is escaped there, and nowhere else."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kcifar.reporting.page.columns import format_heading, format_table
from kcifar.reporting.page.content import Table

TEMPLATES = Path(__file__).parent / "templates"
# Characters that must not be in a page: control characters, bidirectional controls, lone surrogates, noncharacters.
_UNFIT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_LONG_TEXT = 24  # characters; longer cells may be wrapped


class HtmlColumn(NamedTuple):
    """A column as templates see it.

    Attributes:
        heading: Text above it.
        looks: CSS class of its cells: "number", "text", or "long" for text that may be wrapped.
    """

    heading: str
    looks: str


class HtmlCell(NamedTuple):
    """A cell as templates see it.

    Attributes:
        text: For people.
        looks: CSS classes: that of its column, and "missing" for a missing value.
        value: Sort key of a number, in JavaScript's syntax; empty for text and missing values.
    """

    text: str
    looks: str
    value: str


def to_html(table: Table, rows: int | None = None) -> str:
    """Return a table as one `<table>` with a caption, a row of headings, and the formatted values.

    The index columns are row headings. The cell of a number contains its unrounded value (`data-value`).

    Args:
        table: With any number of rows.
        rows: Number of rows from the top; None: all.
    """
    return str(load_macros().lined(table.title, *_make_cells(table, rows)))


def to_upright_html(table: Table) -> str:
    """Return the first row of a table as one `<table>` with a caption and one line per column."""
    return str(load_macros().upright(table.title, *_make_cells(table, 1)))


def load_macros() -> Any:
    """Return the macros of `tables.html.j2`."""
    return load_templates().get_template("tables.html.j2").module


@cache
def load_templates() -> Environment:
    """Return the templates: inserted values are cleaned and escaped, except `Markup`."""
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=clean_text, trim_blocks=True, lstrip_blocks=True)


def clean_text(value: object) -> str:
    """Return text with each character that must not be in a page replaced by U+FFFD; `Markup` is returned unchanged.

    Example:
        >>> clean_text("a" + chr(0) + "b" + chr(0xD800)).encode()
        b'a\\xef\\xbf\\xbdb\\xef\\xbf\\xbd'
    """
    return value if isinstance(value, Markup) else _UNFIT.sub("\ufffd", str(value))


def _make_cells(table: Table, rows: int | None) -> tuple[list[HtmlColumn], int, list[tuple[HtmlCell, ...]]]:
    """Return the columns, how many of them are row headings, and the rows."""
    frame = table.frame if rows is None else table.frame.head(rows)
    texts, values = format_table(frame, table.columns), frame.reset_index()
    columns, cells = [], []
    for name in map(str, values.columns):
        number, column_texts = table.columns[name].is_number, texts[format_heading(name)].tolist()
        columns.append(HtmlColumn(format_heading(name), _choose_class(column_texts, number)))
        missing = values[name].isna().tolist()
        cells.append([_make_cell(*cell, columns[-1].looks, number) for cell in zip(column_texts, values[name].tolist(), missing, strict=True)])
    return columns, frame.index.nlevels, list(zip(*cells, strict=True))


def _choose_class(texts: Sequence[str], number: bool) -> str:
    if number:
        return "number"
    return "long" if any(len(text) > _LONG_TEXT for text in texts) else "text"


def _make_cell(text: str, value: Any, missing: bool, looks: str, number: bool) -> HtmlCell:
    if missing:
        return HtmlCell(text, f"{looks} missing", "")
    return HtmlCell(text, looks, str(value).replace("inf", "Infinity") if number else "")
