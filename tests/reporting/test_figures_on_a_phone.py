"""Every figure of a report can be read on a phone 400 pixels wide, where the page leaves 376 for it."""

import re

import pytest
from run_folders import write_run

from kcifar.reporting.build import choose_runs, render_report
from kcifar.reporting.page.report import RenderedFigure
from kcifar.reporting.request import ReportRequest

ROOM = 400 - 2 * 12  # pixels
SMALLEST = 8.9  # pixels; the numbers in the cells of a matrix may be smaller


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[RenderedFigure]:
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        write_run(folder / f"seed{seed}", seed=seed)
    request = ReportRequest((), folder)
    report = render_report(request, choose_runs(request), ["svg"])
    sections = [*report.overview, *(section for details in report.details for section in details)]
    return [figure for section in sections for figure in section.figures]


def test_text_of_figures_is_large_enough(figures: list[RenderedFigure]) -> None:
    names = {figure.name for figure in figures}
    assert {"history", "batches", "recipes", "curves", "comparison", "cost", "calibration", "coverage", "confusion_counts", "class_scores"} <= names
    small = [f"{figure.name}: {size:.1f}" for figure in figures if (size := find_smallest(figure)) < SMALLEST]
    assert small == []


def find_smallest(figure: RenderedFigure) -> float:
    """The size of the smallest text in pixels."""
    svg = figure.svg.decode()
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', svg)[1])  # type: ignore[index]
    texts = re.findall(r'<text style="([^"]*)"[^>]*>([^<]*)</text>', svg)
    assert texts
    if figure.name.startswith("confusion_"):
        texts = [(looks, text) for looks, text in texts if not re.fullmatch(r"[\d,.]+", text)]
    return min(float(re.search(r"font(?:-size)?: (?:\w+ )*([\d.]+)px", looks)[1]) for looks, _ in texts) * ROOM / width  # type: ignore[index]
