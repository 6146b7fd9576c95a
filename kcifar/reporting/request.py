"""The request for a report: runs, sections, formats, title."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kcifar.core.errors import UserError, did_you_mean
from kcifar.core.option_names import name_option
from kcifar.reporting.page.output_files import DEFAULT_FORMATS
from kcifar.reporting.section import Section, find_sections

ALL = "all"


@dataclass(frozen=True)
class ReportRequest:
    """Which runs to report, and how.

    Attributes:
        paths: Run folders, or names of runs in `runs`; empty: all runs in `runs`.
        runs: The folder that contains the run folders.
        out: Output folder; None: `report` next to the first run.
        formats: Some of `output_files.FORMATS`; "page" is `report.html`.
        sections: Names of sections, or "all"; empty: all for up to 3 runs, the essential ones for up to 12, comparisons alone for more.
        title: Title of the page; empty: the name of the run, or of the recipes.
        published_log: A CSV file with a published training log, compared with the runs; None: none.
        columns: Names of the columns that tables show, in this order; empty: all.
        reference: Name of the recipe, or of a run of it, that the ablation compares with; empty: the one with the most tested runs.
    """

    paths: Sequence[Path]
    runs: Path
    out: Path | None = None
    formats: Sequence[str] = DEFAULT_FORMATS
    sections: Sequence[str] = ()
    title: str = ""
    published_log: Path | None = None
    columns: Sequence[str] = ()
    reference: str = ""


def split_names(values: Sequence[str], option: str) -> list[str]:
    """Split the values of an option, each with commas or not, into distinct names.

    Raises:
        UserError: The values contain no name.
    """
    names = list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))
    if not names:
        raise UserError(f"{option}: expected names, got none; without {option} everything is shown")
    return names


def choose_sections(names: Sequence[str]) -> list[Section]:
    """Return the named sections, or all where none or "all" is named, in the order of the report.

    Raises:
        UserError: A name is not that of a section.
    """
    sections = find_sections()
    check_names(name_option("sections"), names, [ALL, *(section.name for section in sections)])
    return [section for section in sections if not names or ALL in names or section.name in names]


def check_names(option: str, names: Sequence[str], allowed: Sequence[str]) -> None:
    """Check that all names are allowed.

    Raises:
        UserError: A name is not allowed; the message offers the nearest allowed one.
    """
    for name in names:
        if name not in allowed:
            raise UserError(f"{option}: expected some of {', '.join(allowed)}, got {name!r}{did_you_mean(name, allowed)}")
