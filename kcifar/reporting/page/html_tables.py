"""Tables as HTML, and the templates that produce it: all text is escaped there, and nowhere else."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kcifar.reporting.page.column_choice import choose_columns
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
        looks: CSS classes of its cells: "number", "text", or "long" for text that may be wrapped; then that of its room, on the page.
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


class PageTable(NamedTuple):
    """A table as the page shows it.

    Attributes:
        html: As of `to_html`, with the rows that a page shows.
        rooms: The classes by which columns are hidden where they have no room (`column_choice`), without repetition; empty if none ever is.
    """

    html: str
    rooms: Sequence[str]


def to_page_html(table: Table) -> PageTable:
    """Return a table of the page, some of whose columns may be hidden until the reader asks for them."""
    frame = table.frame.head(table.page_rows)
    texts = {str(name): cells.tolist() for name, cells in format_table(frame, table.columns).items()}
    looks = dict(zip(texts, _choose_classes(table, texts), strict=True))
    rooms = choose_columns(texts, looks, frame.index.nlevels, [format_heading(name) for name in table.page_columns])
    classes = [f"{looks[name]} {room}".strip() for name, room in rooms.items()]
    shown = {name: cells if looks[name] == "number" else list(map(_allow_breaks, cells)) for name, cells in texts.items()}
    html = load_macros().lined(table.title, *_make_cells(table, frame, shown, classes))
    return PageTable(str(html), [room for room in dict.fromkeys(rooms.values()) if room])


def to_html(table: Table, rows: int | None = None) -> str:
    """Return a table as one `<table>` with a caption, a row of headings, and the formatted values.

    The index columns are row headings. The cell of a number contains its unrounded value (`data-value`).

    Args:
        table: With any number of rows.
        rows: Number of rows from the top; None: all.
    """
    return str(load_macros().lined(table.title, *_format_cells(table, rows)))


def to_upright_html(table: Table) -> str:
    """Return the first row of a table as one `<table>` with a caption and one line per column."""
    return str(load_macros().upright(table.title, *_format_cells(table, 1)))


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


def _format_cells(table: Table, rows: int | None) -> tuple[list[HtmlColumn], int, list[tuple[HtmlCell, ...]]]:
    """Return the columns, how many of them are row headings, and the rows."""
    frame = table.frame if rows is None else table.frame.head(rows)
    texts = {str(name): cells.tolist() for name, cells in format_table(frame, table.columns).items()}
    return _make_cells(table, frame, texts, _choose_classes(table, texts))


def _make_cells(
    table: Table, frame: pandas.DataFrame, texts: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> tuple[list[HtmlColumn], int, list[tuple[HtmlCell, ...]]]:
    """Return the same of rows whose text, by heading, and classes, by column, are known."""
    values = frame.reset_index()
    columns, cells = [HtmlColumn(*column) for column in zip(texts, classes, strict=True)], []
    for name, column in zip(map(str, values.columns), columns, strict=True):
        number, missing = table.columns[name].is_number, values[name].isna().tolist()
        row = zip(texts[column.heading], values[name].tolist(), missing, strict=True)
        cells.append([_make_cell(*cell, column.looks, number) for cell in row])
    return columns, frame.index.nlevels, list(zip(*cells, strict=True))


def _choose_classes(table: Table, texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the CSS class of each column."""
    names = [str(name) for name in (*table.frame.index.names, *table.frame.columns)]
    return [_choose_class(cells, table.columns[name].is_number) for name, cells in zip(names, texts.values(), strict=True)]


def _choose_class(texts: Sequence[str], number: bool) -> str:
    if number:
        return "number"
    return "long" if any(len(text) > _LONG_TEXT for text in texts) else "text"


def _allow_breaks(text: str) -> Markup:
    """Return escaped text whose names may be broken where a word of them ends."""
    return Markup(str(escape(clean_text(text))).replace("_", "_<wbr>"))  # every part of it is escaped


def _make_cell(text: str, value: Any, missing: bool, looks: str, number: bool) -> HtmlCell:
    if missing:
        return HtmlCell(text, f"{looks} missing", "")
    return HtmlCell(text, looks, str(value).replace("inf", "Infinity") if number else "")
