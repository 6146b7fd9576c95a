"""What a section of the report is, and how sections are found.

A section is one file in `kcifar/reporting/sections/`; nothing else needs an edit. It holds

    ORDER    int; sections come in this order
    TITLE    heading
    NOTE     one sentence under the table; optional
    COLUMNS  mapping from each column of the table, its index included, to its kind (`kcifar.reporting.columns`)
    table    function from all runs to a DataFrame made by `columns.frame`; no run may have a part in it
    figure   function from one run to a matplotlib Figure

with `COLUMNS` and `table`, or `figure`, or all three. The files written are called after the module: `stages.csv` and
`stages.md`, and `history.png` and `history.svg` in a folder for each run.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import pandas

from kcifar.reporting import sections
from kcifar.reporting.columns import Columns
from kcifar.reporting.load import SavedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """One section, as its file defines it."""

    name: str
    order: int
    title: str
    note: str
    columns: Columns
    table: Callable[[Sequence[SavedRun]], pandas.DataFrame] | None
    figure: "Callable[[SavedRun], Figure] | None"


def find_sections() -> list[Section]:
    """Return every section of the `sections` folder in the order in which the report shows them."""
    modules = [importlib.import_module(f"{sections.__name__}.{found.name}") for found in pkgutil.iter_modules(sections.__path__)]
    return sorted((read_section(module) for module in modules), key=lambda section: (section.order, section.name))


def read_section(module: ModuleType) -> Section:
    """Return the section that a module defines.

    Raises:
        AttributeError: ORDER or TITLE is missing, or COLUMNS beside a table.
        TypeError: It has neither a table nor a figure.
    """
    table, figure = getattr(module, "table", None), getattr(module, "figure", None)
    if table is None and figure is None:
        raise TypeError(f"{module.__name__}: expected a function table(runs) or figure(run), got neither")
    columns = module.COLUMNS if table else {}
    return Section(module.__name__.rsplit(".", 1)[-1], module.ORDER, module.TITLE, getattr(module, "NOTE", ""), columns, table, figure)
