"""What a section of the report is, and how sections are found.

A section is one file in `kcifar/reporting/sections/`; nothing else needs an edit. It defines

    ORDER     int; sections are shown in this order. Sections of several runs with an order above those of single runs come after these
    TITLE     heading
    of_run    function from one run to its `SectionContent`: the section is shown for each run, or
    of_runs   function from all runs to their `SectionContent`: the section is shown once
    PRINTED   True if its paragraphs and tables are also printed on the terminal; optional
    ESSENTIAL True if `of_run` is shown even if there are several runs; optional

A section without content returns `SectionContent()` and is left out. `of_run` must not depend on other runs.

The page shows the facts of a part's sections, and the first two of their figures that `lead`, at its top (`page/arrangement.py`). Of a wide
table, it shows the `page_columns` for which there is room (`page/column_choice.py`). Figures are `style.FIGURE_WIDTH` inches wide at most, so
that they can be read on a phone; colors are those of `style`, which have counterparts for dark pages (`pictures/dark_mode.py`).
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from kcifar.reporting import sections
from kcifar.reporting.page.content import SectionContent
from kcifar.runs.load import LoadedRun


@dataclass(frozen=True)
class Section:
    """One section as its file defines it; exactly one of `of_run` and `of_runs` is not None."""

    name: str
    order: int
    title: str
    printed: bool
    essential: bool
    of_run: Callable[[LoadedRun], SectionContent] | None
    of_runs: Callable[[Sequence[LoadedRun]], SectionContent] | None


def find_sections() -> list[Section]:
    """Return every section of the `sections` folder, in the order of the report."""
    modules = [importlib.import_module(f"{sections.__name__}.{module_info.name}") for module_info in pkgutil.iter_modules(sections.__path__)]
    return sorted((read_section(module) for module in modules), key=lambda section: (section.order, section.name))


def read_section(module: ModuleType) -> Section:
    """Return the section that a module defines.

    Raises:
        AttributeError: ORDER or TITLE is missing.
        TypeError: It defines neither `of_run` nor `of_runs`, or both.
    """
    of_run, of_runs = getattr(module, "of_run", None), getattr(module, "of_runs", None)
    if (of_run is None) == (of_runs is None):
        raise TypeError(f"{module.__name__}: expected one function of_run(run) or of_runs(runs), got {'neither' if of_run is None else 'both'}")
    printed, essential = (getattr(module, name, False) for name in ("PRINTED", "ESSENTIAL"))
    return Section(module.__name__.rsplit(".", 1)[-1], module.ORDER, module.TITLE, printed, essential, of_run, of_runs)
