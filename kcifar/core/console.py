"""Tables, paragraphs and JSON on the terminal, for commands; plain text of a fixed width where the output goes elsewhere."""

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: Collection[int], width: int) -> None:
    """Print rows under headings.

    Args:
        headings: One per column.
        rows: One cell per column; cells at the end may be missing.
        text_columns: Positions of the columns of text, aligned to the left; all others contain numbers.
        width: Characters per line where there is no terminal.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for position, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if position in text_columns else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    make_console(width).print(table)


def print_text(text: str, *, width: int) -> None:
    """Print paragraphs, as wide as the terminal or `width` characters, and an empty line."""
    from rich.text import Text

    make_console(width).print(Text(f"{text}\n"))


def print_json(value: Any) -> None:
    """Write a value to standard output as indented JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def make_console(width: int) -> Any:
    """Return the terminal, or a page of `width` characters per line where there is none."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else width)
