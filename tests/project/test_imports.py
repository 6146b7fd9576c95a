"""The levels of the packages: a module imports only from ranks before its own in `import_graph.RANKS`, whenever it imports."""

import ast
from pathlib import Path

import pytest
from import_graph import INNER_RANKS, RANK, RANKS, arrows, imported_modules, inner_upward, place_of, upward
from places import ROOT

KCIFAR = ROOT / "kcifar"
# A report sees saved runs and what lies below them, nothing of training.
REPORTING_SEES = {name for names in RANKS[: RANK["runs"] + 1] for name in names}
PARTS = ("models", "datasets", "augment", "optimizers", "schedules", "losses", "reporting")
BACKENDS = {"keras", "tensorflow", "jax", "torch"}


def test_a_module_imports_only_from_lower_levels() -> None:
    result = {arrow: files for arrow, files in arrows(KCIFAR).items() if arrow[0] != "__init__"}  # which imports on first use alone
    assert upward(result) == {}


def test_a_report_sees_saved_runs_and_nothing_of_training() -> None:
    assert {end for start, end in arrows(KCIFAR) if start == "reporting"} <= REPORTING_SEES


def test_inside_a_report_a_module_imports_only_from_lower_levels() -> None:
    assert inner_upward(KCIFAR, "reporting") == {}


def test_the_inner_table_names_all_that_is_there_and_nothing_that_is_gone() -> None:
    for folder, ranks in INNER_RANKS.items():
        there = {place_of(path, KCIFAR / folder) for path in (KCIFAR / folder).rglob("*.py")} - {"__init__"}
        assert {name for names in ranks for name in names} == there


@pytest.mark.parametrize(
    "line", ["from kcifar.reporting import charts", "import kcifar.reporting.charts.axes", "from kcifar.reporting.charts.axes import f"]
)
def test_an_arrow_inside_a_folder_is_seen(line: str, tmp_path: Path) -> None:
    module = tmp_path / "reporting" / "page" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(line)
    assert inner_upward(tmp_path, "reporting") == {("page", "charts"): ["reporting/page/module.py"]}


def test_the_table_names_all_that_is_there_and_nothing_that_is_gone() -> None:
    assert set(RANK) == {place_of(path, KCIFAR) for path in KCIFAR.rglob("*.py")}


@pytest.mark.parametrize(
    "line",
    [
        "import kcifar.training.trainer",
        "from kcifar.training.trainer import Trainer",
        "from kcifar import training",
        "def f():\n    from kcifar.training import trainer",
        "own = LazyModule('kcifar.training')",
        "importlib.import_module(f'kcifar.training.{name}')",
    ],
)
def test_every_kind_of_import_is_seen(line: str, tmp_path: Path) -> None:
    module = tmp_path / "core" / "module.py"
    module.parent.mkdir()
    module.write_text(line)
    assert upward(arrows(tmp_path)) == {("core", "training"): ["core/module.py"]}


def test_parts_import_no_backend_when_they_are_found() -> None:
    for package in PARTS:
        for path in (KCIFAR / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None) or ""]
                assert not {name.split(".")[0] for name in names} & BACKENDS, path


def test_the_top_holds_doors_and_the_api_alone() -> None:
    for path in KCIFAR.glob("*.py"):
        doors = {name.split(".")[1] for name in imported_modules(path)} <= {"commands", "core"}
        assert doors or path.name in ("__init__.py", "api.py"), path
