"""Tables as files: CSV for programs, Markdown for people."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas

from kcifar.files import write_text
from kcifar.reporting.columns import written
from kcifar.reporting.section import Section

_SPECIAL = re.compile(r"[\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_])")  # "_" between letters is no markup


def write_table(section: Section, table: pandas.DataFrame, out: Path) -> list[Path]:
    """Write a section's table as `<section>.csv` and `<section>.md`.

    Returns:
        The files written.
    """
    csv_file, markdown_file = out / f"{section.name}.csv", out / f"{section.name}.md"
    write_text(csv_file, table.to_csv(lineterminator="\n"))
    write_text(markdown_file, to_markdown(section, table))
    return [csv_file, markdown_file]


def to_markdown(section: Section, table: pandas.DataFrame) -> str:
    """Return heading, table and note in GitHub's Markdown; text from run folders is escaped and columns line up in the source."""
    texts = written(table, section.columns)
    numeric = [section.columns[name].is_number for name in section.columns]
    cells = [[escape_markdown(cell) for cell in line] for line in (list(texts.columns), *texts.itertuples(index=False))]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(numeric))]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    lines = [_padded(line, widths, numeric) for line in (cells[0], rule, *cells[1:])]
    return "\n".join([f"## {section.title}", "", *lines, *(["", section.note] if section.note else []), ""])


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, no HTML, no end of cell."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def _padded(line: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric, strict=True))
    return f"| {' | '.join(cells)} |"
