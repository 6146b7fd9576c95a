"""Laws of the report as a whole: every section for every kind of run, the files it writes, mistakes, and what it must not import.

Run alone with `pytest tests/test_report.py`.
"""

import io
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pandas
import pytest
from PIL import Image
from rich.console import Console
from run_folders import CASES, HOSTILE, STAGES, history_rows, write_run

from kcifar.errors import UserError
from kcifar.reporting import sections as section_folder
from kcifar.reporting.build import build_report
from kcifar.reporting.figures import write_figure
from kcifar.reporting.load import SavedRun, find_run, read_run
from kcifar.reporting.section import find_sections, read_section

BACKENDS = ("keras", "tensorflow", "jax", "torch")
SECTIONS = {section.name: section for section in find_sections()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SavedRun]:
    folder = tmp_path_factory.mktemp("runs")
    return {case: read_run(write(folder / case), f"{case} {HOSTILE}") for case, write in CASES.items()}


# Every section


@pytest.mark.parametrize("name", [section.name for section in SECTIONS.values() if section.table])
def test_tables_have_the_columns_and_kinds_that_their_section_names(name: str, saved: dict[str, SavedRun]) -> None:
    section = SECTIONS[name]
    for chosen in (list(saved.values()), []):
        table = section.table(chosen).reset_index()
        assert list(table.columns) == list(section.columns)
        assert [str(dtype) for dtype in table.dtypes] == [kind.dtype for kind in section.columns.values()]
    index = section.table(list(saved.values())).index
    assert index.is_unique
    assert index.names[0] == "run"


@pytest.mark.parametrize("name", list(SECTIONS))
def test_sections_change_no_run_and_give_the_same_twice(name: str, saved: dict[str, SavedRun], tmp_path: Path) -> None:
    section, run = SECTIONS[name], saved["three stages"]
    before = run.history.copy()
    if section.table:
        pandas.testing.assert_frame_equal(section.table([run]), section.table([run]))
    if section.figure:
        first, second = (write_figure(section.figure, run, tmp_path / folder / "x") for folder in "ab")
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    pandas.testing.assert_frame_equal(run.history, before)


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("name", [section.name for section in SECTIONS.values() if section.figure])
def test_figures_are_whole_files_for_every_kind_of_run(name: str, case: str, saved: dict[str, SavedRun], tmp_path: Path) -> None:
    png, svg = write_figure(SECTIONS[name].figure, saved[case], tmp_path / case / name)
    with Image.open(png) as image:
        image.load()
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert len(image.convert("L").getcolors()) > 5  # something is drawn
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert "<dc:date>" not in svg.read_text(encoding="utf-8")
    assert sorted(path.name for path in png.parent.iterdir()) == [f"{name}.png", f"{name}.svg"]


def test_a_new_file_in_the_folder_is_a_section_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "added.py").write_text("ORDER = 15\nTITLE = 'Added'\ndef figure(run): ...\n")
    monkeypatch.setattr(section_folder, "__path__", [*section_folder.__path__, str(tmp_path)])
    assert [section.name for section in find_sections()] == ["runs", "added", "stages", "classes", "history"]


def test_a_section_without_table_and_figure_is_refused() -> None:
    with pytest.raises(TypeError, match=r"empty: expected a function table\(runs\) or figure\(run\)"):
        read_section(ModuleType("empty"))


# The whole report


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder / "whole")
    write_run(folder / "coupé", history=history_rows(STAGES)[:5], state="interrupted")
    (folder / "foreign").mkdir()
    return folder


def _report(given_runs: list[Path], runs_dir: Path, out: Path | None = None) -> str:
    console = Console(file=io.StringIO(), width=80)
    build_report(given_runs, runs_dir, out, console)
    return console.file.getvalue()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_report_writes_every_table_and_figure_the_same_each_time_and_names_what_is_not_whole(runs_folder: Path) -> None:
    text = _report([], runs_folder)
    files = _contents(runs_folder / "report")
    assert sorted(files) == sorted(
        [f"{table}.{kind}" for table in ("runs", "stages", "classes") for kind in ("csv", "md")]
        + [f"figures/{run}/history.{kind}" for run in ("whole", "coupé") for kind in ("png", "svg")]
    )
    assert "unfinished: coupé: interrupted after 5 of 9 epochs: SIGTERM" in text
    assert f"skipped: {runs_folder / 'foreign'}: not a run folder" in text
    assert "unfinished: whole" not in text
    assert _report([], runs_folder) == text  # the report's own folder is no foreign one
    assert _contents(runs_folder / "report") == files


def test_a_run_can_be_given_by_path_or_by_name(runs_folder: Path, tmp_path: Path) -> None:
    assert find_run(runs_folder / "whole", tmp_path / "elsewhere") == find_run(Path("whole"), runs_folder) == runs_folder / "whole"
    _report([Path("whole")], runs_folder, tmp_path / "out")
    assert [folder.name for folder in (tmp_path / "out" / "figures").iterdir()] == ["whole"]


def test_mistakes_of_the_user_are_named(runs_folder: Path, tmp_path: Path) -> None:
    empty, file = tmp_path / "empty", tmp_path / "file"
    empty.mkdir()
    file.touch()
    mistakes: list[tuple[list[Path], Path, Path | None, str]] = [
        ([Path("wole")], runs_folder, None, "wole: expected a run folder .* got no such folder; did you mean 'whole'?"),
        ([], tmp_path / "none", None, "--runs .*none: no such folder; training makes it: python -m kcifar.train"),
        ([], empty, None, "empty: expected run folders, found none; training makes one"),
        ([runs_folder / "foreign"], runs_folder, None, "no run that can be reported: foreign: not a run folder"),
        ([runs_folder], runs_folder, None, "not a run folder but one that holds runs; report them all with --runs"),
        ([], runs_folder, file, "--out .*file: cannot be made: File exists"),
        ([], runs_folder, runs_folder / "whole", "--out .*whole: expected a folder for the report, got a run folder"),
    ]
    for given_runs, runs_dir, out, message in mistakes:
        with pytest.raises(UserError, match=message):
            _report(given_runs, runs_dir, out)


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


def test_help_imports_nothing_heavy() -> None:
    assert _loaded_after(["--help"], (*BACKENDS, "pandas", "numpy", "matplotlib", "sklearn", "pydantic")) == []


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = _python("-m", "kcifar.report", "--runs", str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --runs ")
    assert result.stderr.count("\n") == 1
