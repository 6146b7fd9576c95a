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
    """

    name: str
    title: str
    columns: Columns
    frame: pandas.DataFrame
    note: str = ""
    page_rows: int = 60


@dataclass(frozen=True)
class FigureSpec:
    """One figure; its files are named after `name`: `history.png`, `history.svg`.

    Attributes:
        name: Letters, digits and "_"; not used by another section.
        draw: Draws it, with the settings of the report (`style.report_style`).
        caption: Sentence under the figure: what it shows, and how to read it.
        text: Alternative text for readers who cannot see it: the numbers that matter, in a sentence or two.
    """

    name: str
    draw: "Callable[[], Figure]"
    caption: str
    text: str


@dataclass(frozen=True)
class SectionContent:
    """The content of a section for one run or for all runs; a section without content is left out.

    Attributes:
        paragraphs: Plain text; text from run folders is escaped later.
        tables: In the order shown.
        figures: In the order shown.
    """

    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[FigureSpec] = ()

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.tables or self.figures)
