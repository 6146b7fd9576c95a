"""Laws that keep a report quick, without a clock: what is imported, drawn and read, and how the work grows with the number of runs."""

import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_runs import SETTINGS, made
from rich.console import Console
from run_folders import write_run

from kcifar.pictures import saving
from kcifar.reporting import build, rendering
from kcifar.reporting.build import build_report
from kcifar.reporting.page import terminal
from kcifar.reporting.page.columns import COUNT, TEXT, make_frame
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.output_files import FORMATS
from kcifar.reporting.request import ReportRequest
from kcifar.reporting.section import find_sections
from kcifar.runs import load
from kcifar.runs.find import name_folders
from kcifar.runs.load import LoadedRun


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The formats in which figures were drawn, one entry per drawing."""
    kinds: list[str] = []
    for kind, draw in saving._PRINTERS.items():
        monkeypatch.setitem(saving._PRINTERS, kind, lambda figure, kind=kind, draw=draw: (kinds.append(kind), draw(figure))[1])
    return kinds


def _report(runs: Path, **asked: Any) -> None:
    build_report(ReportRequest([], runs, **asked), Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("formats", "expected"),
    [(["csv", "tex"], set()), (["page"], {"svg"}), (["png"], {"png"}), (["pdf", "md"], {"pdf"}), (FORMATS, {"png", "svg", "pdf"})],
)
def test_figures_are_drawn_once_in_each_format_that_is_written(formats: Sequence[str], expected: set[str], drawn: list[str], tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "a")
    _report(tmp_path / "runs", out=tmp_path / "out", formats=formats, sections=["history", "stages"])
    assert Counter(drawn) == dict.fromkeys(expected, 1)


def test_a_report_of_tables_alone_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "render_figure", lambda *_: pytest.fail("a figure was drawn"))
    write_run(tmp_path / "runs" / "a")
    _report(tmp_path / "runs", out=tmp_path / "out", formats=["csv"], sections=["history", "stages"])


def test_each_file_of_a_run_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[str] = Counter()
    for name in ("read_yaml", "read_json_file", "read_history", "read_batches", "read_examples", "read_predictions"):
        read = getattr(load, name)
        monkeypatch.setattr(
            load, name, lambda path, *rest, read=read, name=name: (reads.update([f"{name} {path.name} {rest[:1]}"]), read(path, *rest))[1]
        )
    write_run(tmp_path / "runs" / "a")
    _report(tmp_path / "runs", out=tmp_path / "out")
    assert len(reads) >= 10
    assert max(reads.values()) == 1, reads


def _count_calls(runs: Sequence[LoadedRun]) -> int:
    """Return how many functions are called to compute all that compares these runs; figures are not drawn."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sections = find_sections()
    build.render_runs(runs[:2], sections, [])  # imports
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        build.render_runs(runs, sections, [])
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("recipes", ["one recipe", "a recipe each"])
def test_the_work_grows_no_faster_than_the_number_of_runs(recipes: str) -> None:
    def make(count: int) -> list[LoadedRun]:
        names = [f"r{place}" if recipes == "a recipe each" else "r" for place in range(count)]
        return [made(f"run{place}", 40 + place % 20, seed=place, resolved=SETTINGS | {"name": name}) for place, name in enumerate(names)]

    few, more, many = (_count_calls(make(count)) for count in (20, 40, 80))
    assert many - more < 2.5 * (more - few)  # twice the runs, twice the work; a comparison of each run with each other would be four times


def test_naming_folders_compares_no_folder_with_each_other(tmp_path: Path) -> None:
    folders = [tmp_path / f"sweep{place // 2}" / f"run{place % 2}" for place in range(4)] + [tmp_path / "alone"]
    assert name_folders(folders) == ["sweep0/run0", "sweep0/run1", "sweep1/run0", "sweep1/run1", "alone"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_band_of_a_table_is_as_wide_as_fits_the_terminal(width: int) -> None:
    columns = {f"column {'x' * place}": TEXT if place % 3 else COUNT for place in range(20)}
    rows = [{name: "words of text " * (place % 3) if kind is TEXT else 10**place for name, kind in columns.items()} for place in range(3)]
    table = Table("t", "T", columns, make_frame(rows, columns, [next(iter(columns))]))
    console = Console(file=io.StringIO(), width=width)
    bands = list(terminal._split_into_bands(console, table.columns, table.frame))
    assert sum(len(band.columns) - 1 for band in bands) == len(columns) - 1
    for band, following in zip(bands, [*bands[1:], None], strict=True):
        full = terminal._measure_width(console, band)
        assert full <= width or len(band.columns) == 2
        if following is not None:
            band.columns.append(following.columns[1])
            assert terminal._measure_width(console, band) > width
