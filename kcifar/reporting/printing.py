"""Tables on the terminal: as wide as it is, and plain text where the output is no terminal.

A table that is too wide is broken into bands that repeat the columns of its index; one of a single row is printed upright.
"""

import textwrap
from collections.abc import Iterable, Iterator

import pandas
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kcifar.reporting.columns import heading, written
from kcifar.reporting.section import Section

MAX_ROWS = 60  # of one section; what has more is for the files, not for a terminal
_MAX_TEXT = 32  # cells; longer names are folded


def print_table(console: Console, section: Section, table: pandas.DataFrame) -> None:
    """Print a section's table with heading and note; one with two index columns becomes a table for each value of the first."""
    for title, block in _blocks(section, table.head(MAX_ROWS)):
        console.print(Text(title, style="bold"))
        for band in _bands(console, section, block):
            console.print(band)
            console.print()
    if len(table) > MAX_ROWS:
        console.print(Text(f"{len(table) - MAX_ROWS:,} more rows are in {section.name}.csv and {section.name}.md"))
    if section.note and len(table):
        console.print(Text(section.note, style="dim"))
        console.print()


def _blocks(section: Section, table: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
    if table.empty:
        return
    if table.index.nlevels == 1:
        yield section.title, table
        return
    for name, block in table.groupby(level=0, sort=False):
        yield f"{section.title}: {section.columns[str(table.index.names[0])].write(name)}", block.droplevel(0)


def _bands(console: Console, section: Section, table: pandas.DataFrame) -> Iterator[Table]:
    """Break a table into as few tables as fit the console, each with the index columns and at least one other."""
    texts = written(table, section.columns)
    numeric = {heading(name) for name, kind in section.columns.items() if kind.is_number}
    if len(texts) == 1:
        yield _upright(texts)
        return
    keys = list(texts.columns[: table.index.nlevels])
    band = list(keys)
    for column in texts.columns[len(keys) :]:
        if len(band) > len(keys) and not _fits(console, _lined(texts[[*band, column]], numeric)):
            yield _lined(texts[band], numeric)
            band = list(keys)
        band.append(column)
    yield _lined(texts[band], numeric)


def _fits(console: Console, table: Table) -> bool:
    unlimited = console.options.update(max_width=100_000)
    return console.measure(table, options=unlimited).maximum <= console.width


def _lined(texts: pandas.DataFrame, numeric: set[str]) -> Table:
    """Rows under headings, which are broken so that they do not widen their column."""
    folded = texts.map(_folded)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for name in folded.columns:
        table.add_column(Text(_narrow(name, folded[name])), justify="right" if name in numeric else "left", overflow="fold")
    for row in folded.itertuples(index=False):
        table.add_row(*map(Text, row))
    return table


def _upright(texts: pandas.DataFrame) -> Table:
    """One row, a line for each value."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=False, collapse_padding=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in texts.iloc[0].items():
        table.add_row(Text(str(name)), Text(value))
    return table


def _folded(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _MAX_TEXT)) or text


def _narrow(name: str, cells: Iterable[str]) -> str:
    """Break a heading at its spaces to the width of the column's cells, or of its longest word."""
    width = max(len(line) for text in (*cells, name.replace(" ", "\n")) for line in text.split("\n"))
    return "\n".join(textwrap.wrap(name, width))
