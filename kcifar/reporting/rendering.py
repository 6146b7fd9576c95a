"""Render sections from runs: text, tables and drawn figures; the sections of single runs in parallel processes."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from kcifar.pictures.saving import render_figure
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.reporting.page.output_files import FIGURE_FORMATS
from kcifar.reporting.page.report import RenderedFigure, RenderedSection
from kcifar.reporting.section import Section, find_sections
from kcifar.runs.load import LoadedRun

# Fewer runs are drawn faster than another process imports matplotlib.
_MIN_RUNS_TO_SHARE = 4


def render_runs(runs: Sequence[LoadedRun], sections: Sequence[Section], kinds: Sequence[str]) -> list[RenderedSection]:
    """Return the rendered sections that cover all runs together, with figures in these formats; those without content are left out."""
    return [_render(section, content, kinds) for section in sections if section.of_runs and (content := section.of_runs(runs))]


def render_run(run: LoadedRun, sections: Sequence[Section], kinds: Sequence[str]) -> list[RenderedSection]:
    """Return the rendered sections of one run, with figures in these formats; those without content are left out."""
    return [_render(section, content, kinds) for section in sections if section.of_run and (content := section.of_run(run))]


@contextmanager
def start_details(runs: Sequence[LoadedRun], sections: Sequence[Section], kinds: Sequence[str]) -> Iterator[Iterator[list[RenderedSection]]]:
    """Start rendering the sections of each run; the block receives the results in the order of the runs.

    Several runs are distributed over all cores while the caller does something else.
    """
    processes = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, len(runs))
    if len(runs) < _MIN_RUNS_TO_SHARE or processes < 2:
        yield (render_run(run, sections, kinds) for run in runs)
        return
    names = [section.name for section in sections]
    with ProcessPoolExecutor(processes, mp_context=_make_process_context()) as pool:
        begun: list[Future[list[RenderedSection]]] = [pool.submit(_render_named, run, names, kinds) for run in runs]
        yield (future.result() for future in begun)


def _make_process_context() -> Any:
    """Return a context whose processes inherit nothing of this one: threads of libraries do not survive a plain fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _render_named(run: LoadedRun, names: Sequence[str], kinds: Sequence[str]) -> list[RenderedSection]:
    return render_run(run, [section for section in find_sections() if section.name in names], kinds)


def _render(section: Section, content: SectionContent, kinds: Sequence[str]) -> RenderedSection:
    figures = [_render_figure(figure, kinds) for figure in content.figures if kinds]
    parts = (content.paragraphs, content.tables, figures, content.facts)
    return RenderedSection(section.name, section.title, section.printed, *parts, section.order)


def _render_figure(figure: FigureSpec, kinds: Sequence[str]) -> RenderedFigure:
    files = dict(zip(kinds, render_figure(figure.draw, kinds), strict=True))
    png, svg, pdf = (files.get(kind, b"") for kind in FIGURE_FORMATS)
    return RenderedFigure(figure.name, png, svg, figure.caption, figure.text, figure.leads, pdf)
