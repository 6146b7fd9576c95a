"""Tables as files: CSV for programs; Markdown, LaTeX and HTML for people."""

import html
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas

from kcifar.core.files import write_text
from kcifar.reporting.page.columns import TEXT, format_table
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.html_tables import to_html
from kcifar.reporting.page.latex_tables import to_latex

_SPECIAL = re.compile(r"[\\`*\[\]|~#$]|(?<![^\W_])_|_(?![^\W_])")  # "_" between letters is not markup
_SURROGATE = re.compile("[\ud800-\udfff]")  # halves of a character, from names that are not UTF-8: they cannot be encoded


def write_table(table: Table, out: Path, formats: Sequence[str]) -> list[Path]:
    """Write a table as `<name>.csv`, `.md`, `.tex` and `.html`, those that `formats` names.

    Returns:
        The files written.
    """
    paths = []
    for kind, write in WRITERS.items():
        if kind in formats:
            paths.append(out / f"{table.name}.{kind}")
            write_text(paths[-1], _SURROGATE.sub("\ufffd", write(table)))
    return paths


def join_runs(names: Sequence[str], tables: Sequence[Table]) -> Table:
    """Join the same table of several runs into one, with a first column that names the run."""
    first = tables[0]
    frame = pandas.concat([table.frame for table in tables], keys=list(names), names=["run"])
    frame.index = frame.index.set_levels(frame.index.levels[0].astype("string"), level=0)  # type: ignore[attr-defined]
    title = first.title if len(tables) == 1 else first.title.split(",")[0]
    return Table(first.name, title, {"run": TEXT, **first.columns}, frame, first.note, first.page_rows)


def to_csv(table: Table) -> str:
    """Return the stored values: percentages are fractions, missing values are empty."""
    return str(table.frame.to_csv(lineterminator="\n"))


def to_markdown(table: Table) -> str:
    """Return heading, table and note in GitHub's Markdown; text from run folders is escaped, and columns are aligned in the source."""
    headings, lines, numeric = _format_parts(table)
    cells = [[escape_markdown(cell) for cell in line] for line in (headings, *lines)]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(numeric))]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    body = [_pad_cells(line, widths, numeric) for line in (cells[0], rule, *cells[1:])]
    return "\n".join([f"## {escape_markdown(table.title)}", "", *body, *(["", table.note] if table.note else []), ""])


def to_html_file(table: Table) -> str:
    """Return the table and its note as HTML to include in a page."""
    return to_html(table) + (f"<p>{html.escape(table.note)}</p>\n" if table.note else "")


WRITERS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "html": to_html_file}


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows unchanged: no markup, no HTML, no end of cell."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda match: "\\" + match.group(), text)


def _format_parts(table: Table) -> tuple[list[str], list[list[str]], list[bool]]:
    """Return the headings, the rows as text, and whether each column is aligned on the right."""
    texts = format_table(table.frame, table.columns)
    names = [str(name) for name in table.frame.reset_index().columns]
    return list(texts.columns), [list(line) for line in texts.itertuples(index=False)], [table.columns[name].is_number for name in names]


def _pad_cells(line: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric, strict=True))
    return f"| {' | '.join(cells)} |"
