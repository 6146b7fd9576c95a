"""Code for an older layout: the message says where a module or a name is now, and every new name exists."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from kcifar.core.errors import UserError
from kcifar.core.moved import TABLE_FILE, describe_move, read_new_names
from kcifar.core.user_parts import import_parts

NEW_NAMES = read_new_names()


@pytest.mark.parametrize("name", sorted(set(NEW_NAMES.values())))
def test_every_new_name_exists(name: str) -> None:
    assert exists(name)


@pytest.mark.parametrize("name", sorted(NEW_NAMES))
def test_no_old_name_exists(name: str) -> None:
    assert not exists(name)


def exists(name: str) -> bool:
    """Whether a name is that of a module, or of something in a module."""
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), attribute) or importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def test_the_table_is_sorted_and_has_each_name_once() -> None:
    rows = [line for line in TABLE_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert rows == sorted(rows)
    assert len(rows) == len(NEW_NAMES)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("from kcifar.registry import Registry", "kcifar.registry is now kcifar.core.registry"),
        ("import kcifar.checkpoint", "kcifar.checkpoint is now kcifar.runs.checkpoint"),
        ("from kcifar import pipeline", "kcifar.pipeline is now kcifar.planning.batches"),
        ("import kcifar.diagram.picture", "kcifar.diagram is now kcifar.pictures.diagram"),
        ("from kcifar.datasets import cache", "kcifar.datasets.cache is now kcifar.core.cache"),
        ("from kcifar.recipe import load_recipe", "kcifar.recipe.load_recipe is now kcifar.load_recipe"),
        ("from kcifar.runs import open_run", "kcifar.runs.open_run is now kcifar.open_run"),
        ("from kcifar.core.files import sha256_of", "kcifar.core.files.sha256_of is now kcifar.core.files.compute_sha256"),
        ("from kcifar.core import files\nfiles.sha256_of", "kcifar.core.files.sha256_of is now kcifar.core.files.compute_sha256"),
        ("if True:\n    import kcifar.nothing", "ModuleNotFoundError: No module named 'kcifar.nothing'"),
        ("from kcifar.core.files import nothing", "ImportError: cannot import name 'nothing' from 'kcifar.core.files'"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("''.registry", "AttributeError: 'str' object has no attribute 'registry'"),
    ],
)
def test_an_imported_file_is_answered_with_its_line_and_the_new_name(tmp_path: Path, code: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"# parts\n\n{code}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        import_parts([path])
    line = 2 + len(code.splitlines())
    assert str(caught.value).startswith(f"--import {path}:{line}: {message}")
    assert "\n" not in str(caught.value)


def test_a_script_is_told_the_new_name() -> None:
    code = "from kcifar.checkpoint import load_checkpoint"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith("MovedError: kcifar.checkpoint is now kcifar.runs.checkpoint\n")


def test_other_packages_and_missing_modules_are_not_affected() -> None:
    assert importlib.util.find_spec("kcifar.nothing") is None
    with pytest.raises(ModuleNotFoundError, match="No module named 'registry'"):
        importlib.import_module("registry")
    assert describe_move(ValueError("kcifar.registry")) is None


def test_files_are_imported_in_order_and_none_is_no_file(tmp_path: Path) -> None:
    import_parts(None)
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(f"import sys\nsys.path.append({name!r})\n", encoding="utf-8")
    before = list(sys.path)
    try:
        import_parts([tmp_path / "first.py", tmp_path / "second.py"])
        assert sys.path == [*before, "first", "second"]
    finally:
        sys.path[:] = before


@pytest.mark.parametrize(("name", "message"), [("none.py", "expected a Python file, found none"), ("parts.txt", r"expected a Python file \(.py\)")])
def test_a_file_that_is_not_python_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "parts.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=f"^--import {tmp_path / name}: {message}"):
        import_parts([tmp_path / name])
