"""The parts of a report before it is written and printed: sections with their tables and rendered figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from kcifar.reporting.page.content import Fact, Table
from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class RenderedFigure:
    """A figure as the contents of its files, empty for formats that nobody asked for; the rest as in `content.FigureSpec`."""

    name: str
    png: bytes
    svg: bytes
    caption: str
    text: str
    leads: bool = False
    pdf: bytes = b""


@dataclass(frozen=True)
class RenderedSection:
    """The content of a section for one run or for all runs, with its figures drawn."""

    name: str
    title: str
    printed: bool
    paragraphs: Sequence[str]
    tables: Sequence[Table]
    figures: Sequence[RenderedFigure]
    facts: Sequence[Fact] = ()
    order: int = 0


@dataclass(frozen=True)
class Report:
    """A complete report, to be written and printed.

    Attributes:
        title: Of the page.
        runs: The runs reported.
        overview: Sections that cover all runs.
        details: Sections of each run; empty if there are too many runs.
        notes: Unfinished runs, skipped folders and the reasons; one line each.
    """

    title: str
    runs: Sequence[LoadedRun]
    overview: Sequence[RenderedSection]
    details: Sequence[Sequence[RenderedSection]]
    notes: Sequence[str]

    @property
    def detailed_runs(self) -> list[tuple[str, Sequence[RenderedSection]]]:
        """The name and sections of each run that has sections of its own."""
        return [(run.name, sections) for run, sections in zip(self.runs, self.details, strict=False) if sections]
