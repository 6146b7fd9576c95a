"""`--columns`: the columns that tables show, and their order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kcifar.core.errors import UserError, did_you_mean
from kcifar.core.option_names import name_option
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.report import RenderedSection, Report


def choose_columns(report: Report, names: Sequence[str]) -> Report:
    """Return the report with only the named columns in its tables, in this order, after those that name a row.

    A table that has none of them stays as it is: it answers another question.

    Raises:
        UserError: No table has a column of a name; the message offers the nearest.
    """
    if not names:
        return report
    sections = [*report.overview, *(section for sections in report.details for section in sections)]
    _check_columns(names, [table for section in sections for table in section.tables])
    overview = _choose_in(report.overview, names)
    return replace(report, overview=overview, details=[_choose_in(sections, names) for sections in report.details])


def select_columns(table: Table, names: Sequence[str]) -> Table:
    """Return a table with its index and the named columns that it has; the table itself if it has none."""
    index = [str(name) for name in table.frame.index.names]
    chosen = [name for name in dict.fromkeys(names) if name in table.columns and name not in index]
    if not chosen:
        return table
    return replace(table, columns={name: table.columns[name] for name in (*index, *chosen)}, frame=table.frame[chosen], page_columns=chosen)


def _choose_in(sections: Iterable[RenderedSection], names: Sequence[str]) -> list[RenderedSection]:
    return [replace(section, tables=[select_columns(table, names) for table in section.tables]) for section in sections]


def _check_columns(names: Sequence[str], tables: Sequence[Table]) -> None:
    known = dict.fromkeys(name for table in tables for name in (*table.columns, "run"))  # files name the run of each row
    for name in names:
        if name not in known:
            shown = f"some of {', '.join(known)}" if known else "tables that have columns; no section of this report has any"
            raise UserError(f"{name_option('columns')}: expected {shown}, got {name!r}{did_you_mean(name, known)}")
