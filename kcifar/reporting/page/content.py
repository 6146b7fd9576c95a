"""The content of a section of the report: paragraphs, tables and figures, in this order on the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas

from kcifar.reporting.page.columns import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """One table; its files are named after `name`: `stages.csv`, `stages.md`, `stages.tex`, `stages.html`.

    Attributes:
        name: Letters, digits and "_"; the same for every run, and not used by another section.
        title: Heading.
        columns: Kind of each column of `frame`, including its index.
        frame: Made by `columns.make_frame`. The table of a single run has no column that names the run; files with several runs get one.
        note: Explanation under the table; empty for none.
        page_rows: Maximum number of rows on the page and the terminal; files contain all.
        page_columns: The columns that the page shows at once, the most important first, as many as its width has room for; empty: all may be
            shown. The others are shown on demand. Columns of the index are always shown, and files contain all.
    """

    name: str
    title: str
    columns: Columns
    frame: pandas.DataFrame
    note: str = ""
    page_rows: int = 60
    page_columns: Sequence[str] = ()


@dataclass(frozen=True)
class FigureSpec:
    """One figure; its files are named after `name`: `history.png`, `history.svg`.

    Attributes:
        name: Letters, digits and "_"; not used by another section.
        draw: Draws it, with the settings of the report (`style.report_style`).
        caption: Sentence under the figure: what it shows, and how to read it.
        text: Alternative text for readers who cannot see it: the numbers that matter, in a sentence or two.
        leads: Whether the page shows it at the top, next to the result, instead of in its section.
    """

    name: str
    draw: "Callable[[], Figure]"
    caption: str
    text: str
    leads: bool = False


@dataclass(frozen=True)
class Fact:
    """One figure of the headline: "93.45%", "test accuracy", "95% interval 92.95% to 93.92%".

    Attributes:
        name: What the value is.
        value: A number with its unit, or a name; short.
        details: What belongs to it, a line each.
    """

    name: str
    value: str
    details: Sequence[str] = ()

    def __str__(self) -> str:
        details = f" ({', '.join(self.details)})" if self.details else ""
        return f"{self.name}: {self.value}{details}"


@dataclass(frozen=True)
class SectionContent:
    """The content of a section for one run or for all runs; a section without content is left out.

    Attributes:
        paragraphs: Plain text; text from run folders is escaped later.
        tables: In the order shown.
        figures: In the order shown.
        facts: The answer in a few numbers; the page shows them at the top.
    """

    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[FigureSpec] = ()
    facts: Sequence[Fact] = ()

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.tables or self.figures or self.facts)
