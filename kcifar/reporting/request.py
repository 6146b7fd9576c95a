"""What the user asks of a report: runs, sections, formats, title."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kcifar.core.errors import UserError, did_you_mean
from kcifar.reporting.page.output_files import FORMATS
from kcifar.reporting.section import Section, find_sections

ALL = "all"


@dataclass(frozen=True)
class ReportRequest:
    """What is to be reported, and how.

    Attributes:
        paths: Run folders, or names of runs in `runs`; empty: all in `runs`.
        runs: The folder that holds run folders.
        out: Where files are written; None: `report` beside the first run.
        formats: Some of `FORMATS`; "page" is `report.html`.
        sections: Names of sections, or "all"; empty: all that have something to say, of several runs the essential ones.
        title: Of the page; empty: what the runs are called.
        published_log: A CSV file with the log of a training that somebody published, shown beside the runs; None: none.
    """

    paths: Sequence[Path]
    runs: Path
    out: Path | None = None
    formats: Sequence[str] = FORMATS
    sections: Sequence[str] = ()
    title: str = ""
    published_log: Path | None = None


def split_names(values: Sequence[str], option: str) -> list[str]:
    """Split what an option was given, with commas or several times, into names, each once.

    Raises:
        UserError: There is no name in it.
    """
    names = list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))
    if not names:
        raise UserError(f"{option}: expected names, got none; without {option} everything is shown")
    return names


def choose_sections(names: Sequence[str]) -> list[Section]:
    """Return the named sections, or all where none or "all" is named, in the order of the report.

    Raises:
        UserError: There is no section of a name.
    """
    sections = find_sections()
    check_names("--sections", names, [ALL, *(section.name for section in sections)])
    return [section for section in sections if not names or ALL in names or section.name in names]


def check_names(option: str, names: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse a name that is not allowed.

    Raises:
        UserError: It names the nearest that is.
    """
    for name in names:
        if name not in allowed:
            raise UserError(f"{option}: expected some of {', '.join(allowed)}, got {name!r}{did_you_mean(name, allowed)}")
