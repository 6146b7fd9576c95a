"""What a section of the report holds: paragraphs, tables and figures, in this order on the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas

from kcifar.reporting.page.columns import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """One table; its files are called after `name`: `stages.csv`, `stages.md`, `stages.tex`, `stages.html`.

    Attributes:
        name: In letters, digits and "_"; the same for every run, and of no other section.
        title: Heading.
        columns: Kind of each column of `frame`, its index included.
        frame: Made by `columns.make_frame`. That of a run has no column that names the run: files that hold several runs get one.
        note: One or two sentences under the table; empty for none.
        page_rows: So many rows are shown on the page and the terminal; files hold all.
    """

    name: str
    title: str
    columns: Columns
    frame: pandas.DataFrame
    note: str = ""
    page_rows: int = 60


@dataclass(frozen=True)
class FigureSpec:
    """One figure; its files are called after `name`: `history.png`, `history.svg`.

    Attributes:
        name: In letters, digits and "_"; of no other section.
        draw: Draws it, under the report's own settings (`style.report_style`).
        caption: One sentence under it: what is shown, and how to read it.
        text: What one would say to somebody who cannot see it: the numbers that matter, in a sentence or two.
    """

    name: str
    draw: "Callable[[], Figure]"
    caption: str
    text: str


@dataclass(frozen=True)
class SectionContent:
    """What a section has to say of a run, or of all runs; with nothing in it the section is left out.

    Attributes:
        paragraphs: Plain text; whatever it holds from a run folder is escaped later.
        tables: In the order shown.
        figures: In the order shown.
    """

    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[FigureSpec] = ()

    def __bool__(self) -> bool:
        return bool(self.paragraphs or self.tables or self.figures)
