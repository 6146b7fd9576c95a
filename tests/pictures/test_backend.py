"""No figure depends on the backend that MPLBACKEND names: that is for windows and notebooks, and need not be installed where a figure is drawn.

matplotlib 3.11 raises a ValueError when it is imported while MPLBACKEND names a backend that it does not find.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

KCIFAR = ROOT / "kcifar"
FIXTURE = ROOT / "tests" / "fixtures" / "runs" / "finished"
GUARDED = ("kcifar.pictures", "kcifar.reporting.charts")  # packages that import matplotlib without the backend
UNKNOWN = "nosuch"


def _run(*arguments: str, backend: str = UNKNOWN) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MPLBACKEND": backend, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)


def _imports_matplotlib(path: Path) -> bool:
    """Whether a module imports matplotlib when it runs, not for type checkers alone."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    for_types = {id(line) for node in nodes if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" for line in node.body}
    lines = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in for_types]
    names = [line.module or "" if isinstance(line, ast.ImportFrom) else line.names[0].name for line in lines]
    return any(name.split(".")[0] == "matplotlib" for name in names)


def test_matplotlib_itself_refuses_the_backend_that_these_tests_name() -> None:
    assert "not a valid value for backend" in _run("-c", "import matplotlib").stderr


def test_only_packages_that_ignore_the_backend_import_matplotlib() -> None:
    drawing = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in KCIFAR.rglob("*.py") if _imports_matplotlib(path)}
    assert len(drawing) > 20
    assert {name for name in drawing if not name.startswith(tuple(f"{package}." for package in GUARDED))} == set()


@pytest.mark.parametrize("module", ["kcifar.reporting.charts.ablation", "kcifar.training.schedule_figure"])
def test_a_module_that_draws_is_imported_whatever_backend_is_named(module: str) -> None:
    script = f"import {module}, os, matplotlib; print(os.environ['MPLBACKEND'], matplotlib.get_backend(auto_select=False))"
    assert _run("-c", script).stdout.split() == [UNKNOWN, "None"]


def test_a_backend_that_is_installed_is_left_to_the_users_own_figures() -> None:
    script = "import kcifar.pictures, os, matplotlib; print(os.environ['MPLBACKEND'], matplotlib.get_backend(auto_select=False))"
    assert _run("-c", script, backend="svg").stdout.split() == ["svg", "svg"]


def test_a_report_is_the_same_whatever_backend_is_named(tmp_path: Path) -> None:
    for backend, out in ((UNKNOWN, tmp_path / "unknown"), ("agg", tmp_path / "known")):
        done = _run(
            "-m", "kcifar.report", str(FIXTURE), "--sections", "history,confusion", "--format", "png,svg,page", "--out", str(out), backend=backend
        )
        assert (done.returncode, done.stderr) == (0, "")
    unknown, known = ({path.relative_to(out): path.read_bytes() for path in out.rglob("*.*")} for out in (tmp_path / "unknown", tmp_path / "known"))
    assert unknown == known
    assert len(known) > 5


@pytest.mark.parametrize(
    "load",
    [
        "from kcifar.engine.backend import load_backend as load",
        "from kcifar.core.lazy import keras; load = keras.config.backend",
        "from pathlib import Path; from kcifar.core.user_parts import import_parts; load = lambda: import_parts([Path('own.py')])",
    ],
)
def test_keras_is_loaded_whatever_backend_is_named(load: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("import keras")
    done = _run(
        "-c", f"{load}; load(); import matplotlib.pyplot, sys; print('keras' in sys.modules)", backend="module://matplotlib_inline.backend_inline"
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
