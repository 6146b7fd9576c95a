"""What a report offers for papers: chosen columns, a reference for the ablation, and figures as PDF."""

import csv
import io
import re
import zlib
from pathlib import Path
from typing import Any

import pandas
import pytest
from made_runs import SETTINGS, changed, made, rows_of
from rich.console import Console
from run_folders import CASES, HOSTILE, write_run

from kcifar.core.errors import UserError
from kcifar.pictures.saving import render_figure
from kcifar.reporting.build import build_report
from kcifar.reporting.page.named_columns import select_columns
from kcifar.reporting.request import ReportRequest
from kcifar.reporting.result import ReportFigure
from kcifar.reporting.section import find_sections
from kcifar.reporting.sections import ablation, recipes
from kcifar.runs.load import load_run


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    for seed in (0, 1):
        write_run(tmp_path / "runs" / f"plain-seed{seed}", seed=seed, arrays=False)
        write_run(tmp_path / "runs" / f"smaller-seed{seed}", seed=seed, arrays=False, changes={"name": "smaller", "model": {"name": "lenet"}})
    write_run(tmp_path / "runs" / "third", arrays=False, changes={"name": "third", "precision": "mixed_bfloat16"})
    return tmp_path / "runs"


def _report(runs: Path, **asked: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    build_report(ReportRequest([], runs, **asked), console)
    return console.file.getvalue()


def _heading(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def test_tables_have_the_named_columns_in_their_order_wherever_they_are_written(runs_folder: Path, tmp_path: Path) -> None:
    asked = {"sections": ["recipes", "comparison", "reproduction"], "columns": ["minutes", "test_mean", "runs"]}
    text = _report(runs_folder, out=tmp_path / "a", formats=["csv", "tex", "page"], **asked)
    assert _heading(tmp_path / "a" / "recipes.csv") == ["recipe", "minutes", "test_mean", "runs"]
    assert _heading(tmp_path / "a" / "comparison.csv") == ["run", "minutes"]
    assert "deviation" not in text.replace("sample standard deviation over", "").partition("Standard deviation")[0]  # before the note
    assert r"\begin{table}" in (tmp_path / "a" / "recipes.tex").read_text()
    assert "test standard deviation" not in (tmp_path / "a" / "report.html").read_text()
    _report(runs_folder, out=tmp_path / "b", formats=["csv"], sections=["recipes", "comparison"], columns=["test_deviation"])
    assert _heading(tmp_path / "b" / "recipes.csv") == ["recipe", "test_deviation"]
    assert len(_heading(tmp_path / "b" / "comparison.csv")) > 5  # it has none of them


def test_choosing_columns_changes_no_value(runs_folder: Path) -> None:
    table = recipes.of_runs([load_run(path, path.name) for path in sorted(runs_folder.iterdir())]).tables[0]
    chosen = select_columns(table, ["val_mean", "recipe", "test_mean", "test_mean"])
    pandas.testing.assert_frame_equal(chosen.frame, table.frame[["val_mean", "test_mean"]])
    assert list(chosen.page_columns) == ["val_mean", "test_mean"]  # the page has no other choice of its own
    assert select_columns(table, ["nothing", "recipe"]) is table


def test_a_mistake_in_an_option_for_papers_names_what_there_is(runs_folder: Path, tmp_path: Path) -> None:
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"sections": ["recipes"], "columns": ["tset_mean"]}, "--columns: expected some of recipe, .*, got 'tset_mean'; did you mean 'test_mean'?"),
        (
            {"sections": ["history"], "columns": ["runs"]},
            "--columns: expected tables that have columns; no section of this report has any, got 'runs'",
        ),
        (
            {"sections": ["ablation"], "reference": "smalle"},
            r"--reference: expected a recipe of these runs \(.*\), got 'smalle'; did you mean 'smaller'?",
        ),
        ({"sections": ["recipes"], "reference": "smaller"}, "--reference: expected ablation among --sections, got recipes"),
    ]
    for asked, message in mistakes:
        with pytest.raises(UserError, match=message):
            _report(runs_folder, out=tmp_path / "none", formats=["csv"], **asked)
    assert not any((tmp_path / "none").glob("*"))


@pytest.mark.parametrize(("reference", "expected"), [("smaller", "smaller"), ("third", "third"), ("plain-seed1", "fixture")])
def test_the_ablation_compares_with_the_named_recipe(reference: str, expected: str, runs_folder: Path, tmp_path: Path) -> None:
    _report(runs_folder, out=tmp_path / "out", formats=["csv"], sections=["ablation"], reference=reference)
    table = pandas.read_csv(tmp_path / "out" / "ablation.csv").set_index("recipe")
    assert set(table.index) == {"fixture", "smaller", "third"}
    assert table.index[table["finding"] == "reference"].tolist() == [expected]
    assert table["difference"].drop(expected).notna().all()


def test_a_named_reference_is_the_only_one() -> None:
    """Without a name, runs that are far from the first reference form a study of their own; differences are to the named one, not to the largest."""
    from dataclasses import replace

    far = {**SETTINGS, **{f"key{place}": 1 for place in range(5)}}
    other = [made("c", 70, resolved=far | {"name": "far"}), made("d", 60, resolved=far | {"name": "near_far", "key1": 2})]
    near = [made("a", 50), made("b", 40, resolved=changed(epochs=9))]
    assert len(rows_of(ablation.of_runs([*near, *other]))) == 4
    named = rows_of(ablation.of_runs([*near, replace(other[1], is_reference=True), other[0]]))
    assert named.index.get_level_values("recipe").tolist() == ["near_far", "far"]
    assert named["difference"].tolist()[1] == pytest.approx(0.1)


def test_every_figure_is_a_pdf_with_truetype_fonts_and_without_a_date(tmp_path: Path) -> None:
    run = load_run(CASES["three stages"](tmp_path / "run"), f"a {HOSTILE}")
    drawn = [figure for section in find_sections() if section.of_run for figure in section.of_run(run).figures]
    assert len(drawn) > 5
    assert render_figure(drawn[0].draw, ["pdf"]) == render_figure(drawn[0].draw, ["pdf"])
    for figure in drawn:
        (pdf,) = render_figure(figure.draw, ["pdf"])
        assert pdf.startswith(b"%PDF-1.4")
        whole = pdf + b"".join(_inflate(part) for part in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL))
        assert b"CreationDate" not in whole
        assert b"/Subtype /Type3" not in whole
        assert b"/FontFile2" in whole  # an embedded TrueType font


def _inflate(part: bytes) -> bytes:
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""


def test_a_figure_of_a_report_is_saved_as_pdf_if_the_report_has_one(tmp_path: Path) -> None:
    ReportFigure(b"png", b"svg", "caption", "text", b"pdf").save(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == b"pdf"
    with pytest.raises(
        UserError, match=r"expected a file name that ends in \.png or \.svg, got 'a.pdf'; for a PDF, use kcifar.report\(…, formats=\"pdf\"\)"
    ):
        ReportFigure(b"png", b"svg", "caption", "text").save(tmp_path / "a.pdf")
