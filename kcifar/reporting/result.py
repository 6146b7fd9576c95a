"""A report in Python: the tables of each section as DataFrames, and its figures; a notebook shows it."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import MappingProxyType

import pandas

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.files import write_bytes
from kcifar.reporting.page.content import Fact
from kcifar.reporting.page.html_tables import to_html
from kcifar.reporting.page.report import RenderedFigure, RenderedSection, Report


@dataclass(frozen=True, repr=False)
class ReportFigure:
    """A figure of a report; a notebook shows it.

    Attributes:
        png: The figure as PNG, 150 dots per inch.
        svg: The figure as SVG.
        pdf: The figure as PDF; empty if the report was not made with `formats="pdf"`.
        caption: What it shows and how to read it.
        text: The same for somebody who cannot see it, with the numbers that matter.
    """

    png: bytes
    svg: bytes
    caption: str
    text: str
    pdf: bytes = b""

    def __repr__(self) -> str:
        return f"<figure: {self.caption}>"

    def save(self, path: str | Path) -> None:
        """Write the figure as PNG, SVG or PDF, by the suffix of the path; the file is complete or absent.

        Raises:
            UserError: The suffix is another one, or the file cannot be written.
        """
        target = Path(path)
        files = {".png": self.png, ".svg": self.svg} | ({".pdf": self.pdf} if self.pdf else {})
        if target.suffix not in files:
            more = '; for a PDF, use kcifar.report(…, formats="pdf")' if target.suffix == ".pdf" else ""
            raise UserError(f"{target}: expected a file name that ends in {' or '.join(files)}, got {target.name!r}{more}")
        try:
            write_bytes(target, files[target.suffix])
        except OSError as error:
            raise UserError(f"{target}: cannot be written: {one_line(error.strerror or error)}") from None

    def _repr_html_(self) -> str:
        image = base64.b64encode(self.png).decode("ascii")
        return f'<figure><img style="max-width:100%" alt="{escape(self.text)}" src="data:image/png;base64,{image}"></figure>'


@dataclass(frozen=True, repr=False)
class ReportSection:
    """One section of a report; a notebook shows it.

    Attributes:
        title: Its heading.
        paragraphs: Its text.
        tables: A DataFrame by the name of each table; accuracies are fractions.
        figures: By name.
        facts: The answer in a few numbers: what each is, its value, and what belongs to it.
    """

    title: str
    paragraphs: tuple[str, ...]
    tables: Mapping[str, pandas.DataFrame]
    figures: Mapping[str, ReportFigure]
    facts: tuple[Fact, ...]
    _html_tables: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<section {self.title!r}: tables {', '.join(self.tables) or 'none'}; figures {', '.join(self.figures) or 'none'}>"

    def _repr_html_(self) -> str:
        text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in (*map(str, self.facts), *self.paragraphs))
        figures = "".join(figure._repr_html_() for figure in self.figures.values())
        return f"<h3>{escape(self.title)}</h3>{text}{''.join(self._html_tables)}{figures}"


class ReportResult:
    """A report on saved runs: `report["classes"].tables["classes"]` is a DataFrame, `report["history"].figures["history"]` a figure.

    Sections that compare all runs are in `sections`, those of each run in `run_sections[name of the run]`. `report[name]` finds a section
    in either, if it is there once.
    """

    def __init__(self, report: Report) -> None:
        self.title = report.title
        self.run_names = tuple(run.name for run in report.runs)
        self.notes = tuple(report.notes)
        self.sections: Mapping[str, ReportSection] = _collect_sections(report.overview)
        self.run_sections: Mapping[str, Mapping[str, ReportSection]] = MappingProxyType(
            {name: _collect_sections(sections) for name, sections in report.detailed_runs}
        )

    def __getitem__(self, name: str) -> ReportSection:
        """Return the section of a name.

        Raises:
            UserError: There is none, or each of several runs has one.
        """
        owners = [run for run, sections in self.run_sections.items() if name in sections]
        if name in self.sections:
            return self.sections[name]
        if len(owners) == 1:
            return self.run_sections[owners[0]][name]
        if owners:
            raise UserError(f"section {name!r}: each of {len(owners)} runs has one; use report.run_sections[{owners[0]!r}][{name!r}]")
        raise UserError(f"no section {name!r}{did_you_mean(name, list(self))} (there are: {', '.join(self) or 'none'})")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all sections, each once."""
        return iter(dict.fromkeys([*self.sections, *(name for sections in self.run_sections.values() for name in sections)]))

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __repr__(self) -> str:
        return f"<report {self.title!r}: {len(self.run_names)} run{'s' * (len(self.run_names) != 1)}, sections {', '.join(self)}>"

    def _repr_html_(self) -> str:
        parts = [f"<h2>{escape(self.title)}</h2>", *(section._repr_html_() for section in self.sections.values())]
        for run, sections in self.run_sections.items():
            parts += [f"<h2>{escape(run)}</h2>" if run != self.title else "", *(section._repr_html_() for section in sections.values())]
        return "".join([*parts, *(f"<p>{escape(note)}</p>" for note in self.notes)])


def _collect_sections(sections: Sequence[RenderedSection]) -> Mapping[str, ReportSection]:
    return MappingProxyType({section.name: _make_section(section) for section in sections})


def _make_section(section: RenderedSection) -> ReportSection:
    tables = MappingProxyType({table.name: table.frame for table in section.tables})
    figures = MappingProxyType({figure.name: _make_figure(figure) for figure in section.figures})
    html = tuple(to_html(table, table.page_rows) for table in section.tables)
    return ReportSection(section.title, tuple(section.paragraphs), tables, figures, tuple(section.facts), html)


def _make_figure(figure: RenderedFigure) -> ReportFigure:
    return ReportFigure(figure.png, figure.svg, figure.caption, figure.text, figure.pdf)
