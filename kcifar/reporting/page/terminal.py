"""Tables on the terminal, fitted to its width; plain text if the output is not a terminal.

A table that is too wide is split into bands that repeat the index columns; a table with a single row is printed upright.
"""

import textwrap
from collections.abc import Iterable, Iterator

import pandas
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from kcifar.core.errors import one_line
from kcifar.reporting.page.columns import Columns, format_heading, format_table
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.output_files import WrittenReport, describe_places
from kcifar.reporting.page.report import RenderedSection, Report

MAX_PRINTED = 4  # runs; the details of more are not printed
MAX_ROWS = 60  # per table; the files contain all
_MAX_TEXT = 32  # characters in a cell; longer names are wrapped
_MAX_PARAGRAPH = 4000  # characters
_BETWEEN = 2  # characters from column to column


def print_report(console: Console, report: Report, written: WrittenReport) -> None:
    """Print the sections meant for the terminal, the notes, and the places of the files."""
    details = report.detailed_runs if len(report.runs) <= MAX_PRINTED else []
    for name, sections in [("", report.overview), *details]:
        for section in sections:
            if section.printed:
                print_section(console, one_line(name), section)
    notes = [*report.notes, *([] if details or not report.details else [f"more than {MAX_PRINTED} runs: their details are not printed"])]
    for line in notes:
        console.print(Text(line), soft_wrap=True)
    if notes:
        console.print()
    for place in describe_places(written):
        console.print(Text(place), soft_wrap=True)


def print_section(console: Console, heading_of_run: str, section: RenderedSection) -> None:
    """Print a section's facts, paragraphs and tables under headings that name the run, if it covers a single one."""
    if section.facts or section.paragraphs:
        console.print(Text(_make_heading(heading_of_run, section.title), style="bold"))
    for fact in section.facts:
        console.print(Text(one_line(str(fact), _MAX_PARAGRAPH)))
    if section.facts:
        console.print()
    for paragraph in section.paragraphs:
        console.print(Text(one_line(paragraph, _MAX_PARAGRAPH)))
        console.print()
    for table in section.tables:
        if not (section.facts or section.paragraphs) or table.title != section.title:
            console.print(Text(_make_heading(heading_of_run, table.title), style="bold"))
        print_table(console, table)


def print_table(console: Console, table: Table) -> None:
    """Print a table with its note."""
    shown = table.frame.head(min(MAX_ROWS, table.page_rows))
    for band in _split_into_bands(console, table.columns, shown):
        console.print(band)
        console.print()
    left_out = len(table.frame) - len(shown)
    if left_out:
        console.print(Text(f"{left_out:,} more rows: --format csv writes all rows to {table.name}.csv"))
    if table.note:
        console.print(Text(table.note, style="dim"))
        console.print()


def _make_heading(heading_of_run: str, title: str) -> str:
    return f"{title}: {heading_of_run}" if heading_of_run else title


def _split_into_bands(console: Console, columns: Columns, frame: pandas.DataFrame) -> Iterator[Grid]:
    """Split a table into as few bands as fit the console, each with the index columns and at least one other."""
    if frame.empty:
        return
    texts = format_table(frame, columns)
    numeric = {format_heading(name) for name, kind in columns.items() if kind.is_number}
    if len(texts) == 1:
        yield _make_upright_grid(texts)
        return
    keys = list(texts.columns[: frame.index.nlevels])
    widths = {column: _measure_width(console, _make_grid(texts[[column]], numeric)) + _BETWEEN for column in texts.columns}
    band = list(keys)
    for column in texts.columns[len(keys) :]:
        if len(band) > len(keys) and sum(widths[name] for name in (*band, column)) - _BETWEEN > console.width:
            yield _make_grid(texts[band], numeric)
            band = list(keys)
        band.append(column)
    yield _make_grid(texts[band], numeric)


def _measure_width(console: Console, table: Grid) -> int:
    return console.measure(table, options=console.options.update(max_width=100_000)).maximum


def _make_grid(texts: pandas.DataFrame, numeric: set[str]) -> Grid:
    """Return rows under headings that are wrapped so that they do not widen their column."""
    folded = texts.map(_fold)
    table = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for name in folded.columns:
        table.add_column(Text(_break_heading(name, folded[name])), justify="right" if name in numeric else "left", overflow="fold")
    for row in folded.itertuples(index=False):
        table.add_row(*map(Text, row))
    return table


def _make_upright_grid(texts: pandas.DataFrame) -> Grid:
    """Return one row as a grid with a line per value."""
    table = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=False, collapse_padding=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in texts.iloc[0].items():
        table.add_row(Text(str(name)), Text(value))
    return table


def _fold(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _MAX_TEXT)) or text


def _break_heading(name: str, cells: Iterable[str]) -> str:
    """Wrap a heading at its spaces to the width of the column's cells, or of its longest word."""
    width = max(len(line) for text in (*cells, name.replace(" ", "\n")) for line in text.split("\n"))
    return "\n".join(textwrap.wrap(name, width))
