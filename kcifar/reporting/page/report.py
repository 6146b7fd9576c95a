"""What a report is made of, before it is written and printed: sections with their tables, and figures as files."""

from collections.abc import Sequence
from dataclasses import dataclass

from kcifar.reporting.page.content import Table
from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class RenderedFigure:
    """A figure as files: PNG and SVG; caption and alternative text as in `content.FigureSpec`."""

    name: str
    png: bytes
    svg: bytes
    caption: str
    text: str


@dataclass(frozen=True)
class RenderedSection:
    """What a section has to say of a run or of all runs, its figures drawn."""

    name: str
    title: str
    printed: bool
    paragraphs: Sequence[str]
    tables: Sequence[Table]
    figures: Sequence[RenderedFigure]


@dataclass(frozen=True)
class Report:
    """A whole report, to be written and printed.

    Attributes:
        title: Of the page.
        runs: The runs reported.
        overview: What is said of all of them.
        details: What is said of each; empty where there are too many.
        notes: Runs that are not finished, folders left out and why; one line each.
    """

    title: str
    runs: Sequence[LoadedRun]
    overview: Sequence[RenderedSection]
    details: Sequence[Sequence[RenderedSection]]
    notes: Sequence[str]

    @property
    def detailed_runs(self) -> list[tuple[str, Sequence[RenderedSection]]]:
        """The name of each run of which there is something to say in detail, and what is said."""
        return [(run.name, sections) for run, sections in zip(self.runs, self.details, strict=False) if sections]
