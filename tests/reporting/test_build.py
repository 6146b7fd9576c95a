"""Laws of the report as a whole: every section for every kind of run, the files it writes, mistakes, and what it must not import.

Run alone with `pytest tests/reporting/test_build.py`.
"""

import io
import json
import math
import os
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas
import pytest
from PIL import Image
from rich.console import Console
from run_folders import CASES, HOSTILE, STAGES, history_rows, write_run

import kcifar
from kcifar.core.errors import UserError
from kcifar.pictures.saving import render_figure
from kcifar.reporting import sections as section_folder
from kcifar.reporting.build import MAX_DETAILED, MAX_WHOLE, build_report
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.page.table_files import WRITERS
from kcifar.reporting.request import ReportRequest
from kcifar.reporting.section import Section, find_sections, read_section
from kcifar.runs.find import find_run
from kcifar.runs.load import LoadedRun, load_run

BACKENDS = ("keras", "tensorflow", "jax", "torch")
DRAWN = ("three stages", "one epoch", "nothing finite", "forty stages, hostile names")  # what differs most in a figure
SECTIONS = {section.name: section for section in find_sections()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedRun]:
    folder = tmp_path_factory.mktemp("runs")
    log = pandas.DataFrame({"epoch": [1, 2, 50], "accuracy": math.nan, "val_accuracy": [0.4, math.nan, 0.6]})
    return {case: replace(load_run(write(folder / case), f"{case} {HOSTILE}"), published=log) for case, write in CASES.items()}


# Every section


def _contents_of(section: Section, runs: Sequence[LoadedRun]) -> list[SectionContent]:
    """All that a section has to say of some runs."""
    contents = [section.of_run(run) for run in runs] if section.of_run else [section.of_runs(runs)] if section.of_runs else []
    return [content for content in contents if content]


@pytest.mark.parametrize("name", list(SECTIONS))
def test_tables_have_the_columns_and_kinds_that_they_name(name: str, saved: dict[str, LoadedRun]) -> None:
    for content in _contents_of(SECTIONS[name], list(saved.values())):
        for table in content.tables:
            flat = table.frame.reset_index()
            assert list(flat.columns) == list(table.columns)
            assert [str(dtype) for dtype in flat.dtypes] == [kind.dtype for kind in table.columns.values()]
            assert "run" not in table.columns or SECTIONS[name].of_runs
            again = pickle.loads(pickle.dumps(table))
            pandas.testing.assert_frame_equal(again.frame, table.frame)
            for kind in WRITERS:
                assert WRITERS[kind](again) == WRITERS[kind](table)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_sections_change_no_run_and_say_the_same_twice(name: str, saved: dict[str, LoadedRun]) -> None:
    runs = [saved["three stages"], saved["another seed"]]
    before = [run.history.copy() for run in runs]
    for first, second in zip(_contents_of(SECTIONS[name], runs), _contents_of(SECTIONS[name], runs), strict=True):
        assert first.paragraphs == second.paragraphs
        assert [table.frame.to_csv() for table in first.tables] == [table.frame.to_csv() for table in second.tables]
        assert [drawing.text for drawing in first.figures] == [drawing.text for drawing in second.figures]
    for first, second in zip(_contents_of(SECTIONS[name], runs)[:1], _contents_of(SECTIONS[name], runs)[:1], strict=True):
        assert [render_figure(drawing.draw) for drawing in first.figures] == [render_figure(drawing.draw) for drawing in second.figures]
    for run, history in zip(runs, before, strict=True):
        pandas.testing.assert_frame_equal(run.history, history)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_figures_are_whole_files_for_every_kind_of_run(name: str, saved: dict[str, LoadedRun]) -> None:
    for content in _contents_of(SECTIONS[name], [saved[case] for case in DRAWN]):
        for drawing in content.figures:
            png, svg = render_figure(drawing.draw)
            with Image.open(io.BytesIO(png)) as image:
                image.load()
                assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
                assert len(image.convert("L").getcolors()) > 5  # something is drawn
            assert ElementTree.fromstring(svg).tag.endswith("svg")
            assert b"<dc:date>" not in svg
            assert drawing.caption.strip()
            assert drawing.text.strip()


def test_names_of_tables_and_figures_are_of_one_section_and_safe_as_file_names(saved: dict[str, LoadedRun]) -> None:
    owners: dict[str, str] = {}
    for name, section in SECTIONS.items():
        for content in _contents_of(section, list(saved.values())):
            for part in (*content.tables, *content.figures):
                assert re.fullmatch("[a-z_0-9]+", part.name)
                assert owners.setdefault(part.name, name) == name


def test_a_new_file_in_the_folder_is_a_section_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "added.py").write_text("ORDER = 125\nTITLE = 'Added'\ndef of_run(run): ...\n")
    monkeypatch.setattr(section_folder, "__path__", [*section_folder.__path__, str(tmp_path)])
    names = [section.name for section in find_sections()]
    assert names[names.index("added") - 1 : names.index("added") + 2] == ["stages", "added", "batches"]


@pytest.mark.parametrize(("functions", "received"), [({}, "neither"), ({"of_run": print, "of_runs": print}, "both")])
def test_a_section_looks_at_one_run_or_at_all(functions: dict[str, object], received: str) -> None:
    module = ModuleType("odd")
    vars(module).update(functions)
    with pytest.raises(TypeError, match=rf"odd: expected one function of_run\(run\) or of_runs\(runs\), got {received}"):
        read_section(module)


# The whole report


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder / "whole")
    write_run(folder / "coupé", history=history_rows(STAGES)[:5], state="interrupted")
    (folder / "foreign").mkdir()
    return folder


def _report(runs_dir: Path, *paths: Path, **asked: Any) -> str:
    console = Console(file=io.StringIO(), width=80)
    build_report(ReportRequest(paths, runs_dir, **asked), console)
    return console.file.getvalue()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_report_writes_the_same_each_time_and_names_what_is_not_whole(runs_folder: Path) -> None:
    text = _report(runs_folder)
    files = _contents(runs_folder / "report")
    tables = [f"{table}.{kind}" for table in ("summary", "stages", "classes", "comparison") for kind in ("csv", "md", "tex", "html")]
    figures = [f"figures/{run}/history.{kind}" for run in ("whole", "coupé") for kind in ("png", "svg")]
    assert {"report.html", *tables, *figures} <= set(files)
    assert "unfinished: coupé: interrupted after 5 of 9 epochs: SIGTERM" in text
    assert "skipped: foreign: not a run folder" in text
    assert "unfinished: whole" not in text
    asked = {"sections": ["comparison", "recipes", "stages", "history"]}
    text = _report(runs_folder, **asked)
    files = _contents(runs_folder / "report")
    assert _report(runs_folder, **asked) == text  # the report's own folder is no foreign one
    assert _contents(runs_folder / "report") == files


def test_details_drawn_in_several_processes_are_the_same(runs_folder: Path, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write_run(runs_folder / f"seed{seed}", seed=seed)
    sections = ["history", "calibration", "stages"]
    _report(runs_folder, out=tmp_path / "all", sections=sections)
    together = _contents(tmp_path / "all" / "figures" / "seed3")
    _report(runs_folder, Path("seed3"), out=tmp_path / "alone", sections=sections)
    assert _contents(tmp_path / "alone" / "figures" / "seed3") == together


def test_only_the_asked_sections_and_formats_are_written(runs_folder: Path, tmp_path: Path) -> None:
    _report(runs_folder, out=tmp_path / "a", sections=["stages", "history"], formats=["md", "svg"])
    assert sorted(_contents(tmp_path / "a")) == ["figures/coupé/history.svg", "figures/whole/history.svg", "stages.md"]
    _report(runs_folder, out=tmp_path / "b", sections=["stages"], formats=["page"], title="A <title>")
    assert list(_contents(tmp_path / "b")) == ["report.html"]
    assert "<h1>A &lt;title&gt;</h1>" in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")


def test_a_damaged_array_leaves_its_run_out(runs_folder: Path) -> None:
    (runs_folder / "whole" / "predictions.npz").write_bytes(b"PK")
    text = _report(runs_folder)
    assert "skipped: whole: predictions.npz: damaged" in text
    assert not (runs_folder / "report" / "figures" / "whole").exists()


def test_many_runs_are_compared_and_shown_one_by_one_only_on_request(tmp_path: Path) -> None:
    for seed in range(MAX_DETAILED + 1):
        write_run(tmp_path / "runs" / f"seed{seed}", seed=seed, arrays=False)
    text = _report(tmp_path / "runs", out=tmp_path / "a", formats=["csv"])
    assert "not shown for each run: headline, history, commentary, stages, batches, classes" in text
    assert f"at most {MAX_DETAILED} runs are shown one by one; --sections all shows them" in text
    assert {"comparison.csv"} <= set(_contents(tmp_path / "a"))
    assert not (tmp_path / "a" / "stages.csv").exists()
    _report(tmp_path / "runs", out=tmp_path / "b", formats=["csv"], sections=["stages"])
    assert list(_contents(tmp_path / "b")) == ["stages.csv"]


def test_several_runs_are_shown_in_brief_unless_all_is_asked_for(tmp_path: Path) -> None:
    for seed in range(MAX_WHOLE + 1):
        write_run(tmp_path / "runs" / f"seed{seed}", seed=seed)
    text = _report(tmp_path / "runs", out=tmp_path / "brief", formats=["csv"])
    assert "not shown for each run: batches, class_scores, confused_pairs, top_k, coverage, gallery; --sections all shows them" in text
    written = {path.stem for path in (tmp_path / "brief").glob("*.csv")}
    assert {"summary", "stages", "classes", "confusion", "calibration"} <= written
    assert not written & {"top_k", "coverage", "confused_pairs"}
    assert "not shown" not in _report(tmp_path / "runs", out=tmp_path / "all", formats=["csv"], sections=["all"])
    assert {"top_k", "coverage", "confused_pairs"} <= {path.stem for path in (tmp_path / "all").glob("*.csv")}


def test_what_an_earlier_report_left_is_named_and_a_report_is_no_run(runs_folder: Path) -> None:
    _report(runs_folder, out=runs_folder / "mine", sections=["stages", "history"])
    text = _report(runs_folder, Path("whole"), out=runs_folder / "mine", sections=["stages"], formats=["csv"])
    assert "earlier: figures/coupé/history.png, figures/coupé/history.svg, figures/whole/history.png and 5 more (not part of this report)" in text
    assert "mine" not in _report(runs_folder, out=runs_folder.parent / "out", sections=["stages"], formats=["csv"])


def test_places_are_named_only_where_something_was_written(runs_folder: Path, tmp_path: Path) -> None:
    text = _report(runs_folder, Path("whole"), out=tmp_path / "a", sections=["stages"])
    assert "page:    " in text
    assert f"tables:  {tmp_path / 'a'} (csv, md, tex, html)" in text
    assert "figures: " not in text


def test_a_recipe_of_the_users_own_makes_no_run_of_its_folder(runs_folder: Path) -> None:
    (runs_folder.parent / "recipe.yaml").write_text("name: mine\n")
    _report(runs_folder, sections=["stages"], formats=["csv"])
    assert (runs_folder / "report" / "stages.csv").exists()


def test_a_report_stays_beside_a_run_that_is_given_from_inside(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs_folder / "whole")
    _report(Path("nowhere"), Path(), sections=["stages"], formats=["csv"])
    assert (runs_folder / "report" / "stages.csv").exists()


def test_damaged_runs_do_not_make_the_report_of_the_others_brief(tmp_path: Path) -> None:
    for seed in range(MAX_WHOLE + 1):
        write_run(tmp_path / "runs" / f"seed{seed}", seed=seed)
    (tmp_path / "runs" / "seed0" / "examples.npz").write_bytes(b"")
    assert "not shown for each run" not in _report(tmp_path / "runs", formats=["csv"])


def test_an_option_without_names_is_refused(runs_folder: Path) -> None:
    for option in ("--format", "--sections"):
        result = _python("-m", "kcifar.report", "--runs", str(runs_folder), option, " , ")
        assert (result.returncode, result.stderr) == (2, f"error: {option}: expected names, got none; without {option} everything is shown\n")


def test_runs_without_predictions_are_named(tmp_path: Path) -> None:
    for seed, arrays in enumerate((True, False)):
        write_run(tmp_path / "runs" / f"seed{seed}", seed=seed, arrays=arrays)
    text = _report(tmp_path / "runs", out=tmp_path / "a", sections=["comparison"], formats=["csv"])
    assert "no predictions.npz, so no analysis of single predictions: seed1\n" in text
    assert "no predictions.npz" not in _report(tmp_path / "runs", Path("seed0"), out=tmp_path / "b", sections=["stages"], formats=["csv"])


def test_sections_that_have_nothing_to_say_are_named(runs_folder: Path, tmp_path: Path) -> None:
    text = _report(runs_folder, Path("coupé"), out=tmp_path, sections=["classes", "stages", "reproduction"])
    assert "nothing to show for this run in classes, reproduction\n" in text
    assert "nothing to show" not in _report(runs_folder, Path("coupé"), out=tmp_path, sections=["all"])
    notes = kcifar.report(runs_folder / "coupé", sections=["stages", "classes"]).notes
    assert "nothing to show for this run in classes" in notes


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sections": ["classes"]}, "sections: nothing to show for this run in classes"),
        (
            {"sections": ["headline", "reproduction"], "formats": ["md", "png"]},
            "format: expected formats of what is in headline, such as page, got md, png",
        ),
        ({"sections": ["history"], "formats": ["csv"]}, "format: expected formats of what is in history, such as page, got csv"),
    ],
)
def test_an_empty_report_is_an_error_and_leaves_no_folder(asked: dict[str, Any], message: str, runs_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report"
    with pytest.raises(UserError) as one:
        _report(runs_folder, Path("coupé"), out=out, **asked)
    with pytest.raises(UserError) as other:
        kcifar.report([runs_folder / "coupé"], out=out, **asked)
    assert all(re.sub("^--", "", str(error.value)).replace("formats:", "format:") == message for error in (one, other))
    assert not out.parent.exists()


def test_a_run_can_be_given_by_path_or_by_name(runs_folder: Path, tmp_path: Path) -> None:
    assert find_run(runs_folder / "whole", tmp_path / "elsewhere") == find_run(Path("whole"), runs_folder) == runs_folder / "whole"
    _report(runs_folder, Path("whole"), out=tmp_path / "out")
    assert [folder.name for folder in (tmp_path / "out" / "figures").iterdir()] == ["whole"]


def test_mistakes_of_the_user_are_named(runs_folder: Path, tmp_path: Path) -> None:
    empty, file = tmp_path / "empty", tmp_path / "file"
    empty.mkdir()
    file.touch()
    mistakes: list[tuple[list[Path], Path, dict[str, Any], str]] = [
        ([Path("wole")], runs_folder, {}, "wole: expected a run folder .* got no such folder; did you mean 'whole'?"),
        ([], tmp_path / "none", {}, "--runs .*none: expected a folder that contains runs, got no such folder"),
        ([], empty, {}, "empty: expected run folders, found none; train a run with: python"),
        ([runs_folder / "foreign"], runs_folder, {}, "no run can be reported: foreign: not a run folder"),
        ([runs_folder], runs_folder, {}, "not a run folder, but it contains runs; to report on them, use --runs"),
        ([], file, {}, "--runs .*file: expected a folder that contains runs, got a file"),
        ([Path("x" * 300)], runs_folder, {}, "expected a run folder or the name of a run in .*, got no such folder"),
        ([], runs_folder, {"out": file}, "--out .*file: expected a folder, got a file"),
        ([], runs_folder, {"out": file / "in"}, "--out .*in: expected a folder, got a file"),
        ([], runs_folder, {"out": tmp_path / ("x" * 300)}, "--out .*: cannot be created: File name too long"),
        ([], runs_folder, {"out": runs_folder}, "--out .*runs: expected a folder outside the runs, got the folder that contains the runs"),
        ([], runs_folder, {"out": runs_folder / "whole"}, "--out .*whole: expected a folder outside the runs, got a folder in the run whole"),
        ([], runs_folder, {"out": runs_folder / "whole" / "deep"}, "--out .*deep: expected a folder outside the runs, got a folder in the run whole"),
        ([], runs_folder, {"sections": ["stage"]}, "--sections: expected some of all, .*stages.*, got 'stage'; did you mean 'stages'?"),
        ([], runs_folder, {"formats": ["pfd"]}, "--format: expected some of csv, md, tex, html, png, svg, pdf, page, got 'pfd'; did you mean 'pdf'?"),
        ([], runs_folder, {"published_log": tmp_path / "none.csv"}, "--published-log: .*none.csv: expected a CSV file with .*, got no such file"),
        ([], runs_folder, {"published_log": file}, "--published-log: .*file: expected a CSV file with one row per epoch, got no rows"),
        ([], runs_folder, {"published_log": file, "sections": ["stages"]}, "--published-log: expected published_log among --sections, got stages"),
    ]
    for paths, runs_dir, asked, message in mistakes:
        with pytest.raises(UserError, match=message):
            _report(runs_dir, *paths, **asked)


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with an output that knows ASCII only."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment)


def _loaded_after(arguments: list[str], modules: tuple[str, ...]) -> list[str]:
    """Run the command in a fresh process and return which of the modules it imported."""
    code = (
        f"import sys; from kcifar.report import app; app({arguments!r}, standalone_mode=False); print([m for m in {modules!r} if m in sys.modules])"
    )
    result = _python("-c", code)
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout.splitlines()[-1].replace("'", '"')))


def test_the_command_imports_no_backend(runs_folder: Path) -> None:
    assert _loaded_after(["--runs", str(runs_folder)], (*BACKENDS, "pandas")) == ["pandas"]


def test_the_report_of_one_run_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """The fixture has predictions and no two recipes: no quantile, no clustering, no schema of training, no PDF is needed."""
    unneeded = ("scipy", "sklearn", "kcifar.recipe.stage_settings", "matplotlib.backends.backend_pdf", "matplotlib.pyplot")
    fixture = Path(__file__).parents[1] / "fixtures" / "runs" / "finished"
    assert _loaded_after([str(fixture), "--out", str(tmp_path)], (*unneeded, "matplotlib")) == ["matplotlib"]


def test_processes_that_hash_otherwise_write_the_same(tmp_path: Path) -> None:
    for seed, changes in ((0, {}), (1, {}), (0, {"model": {"name": "lenet"}}), (0, {"precision": "mixed_bfloat16"})):
        write_run(tmp_path / "runs" / f"run{len(list(tmp_path.glob('runs/*')))}", seed=seed, changes=changes)
    for hash_seed in ("1", "2"):
        command = [
            sys.executable,
            "-m",
            "kcifar.report",
            "--runs",
            str(tmp_path / "runs"),
            "--out",
            str(tmp_path / hash_seed),
            "--format",
            "csv,page",
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120, env=os.environ | {"PYTHONHASHSEED": hash_seed})
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")


def test_the_page_is_opened_only_if_it_is_made(runs_folder: Path) -> None:
    result = _python("-m", "kcifar.report", "--runs", str(runs_folder), "--format", "csv, md", "--open")
    assert (result.returncode, result.stderr) == (2, "error: --open: expected page among --format, got csv, md\n")


def test_help_imports_nothing_heavy() -> None:
    assert _loaded_after(["--help"], (*BACKENDS, "pandas", "numpy", "matplotlib", "sklearn", "pydantic")) == []


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = _python("-m", "kcifar.report", "--runs", str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --runs ")
    assert result.stderr.count("\n") == 1
