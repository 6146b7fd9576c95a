"""The run folder during training: which folders are runs, what a new run deletes, and who may write."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from kcifar.runs.folder import HISTORY_FILE, RECIPE_FILE, STATUS_FILE, RunFolder, format_csv_cell


def test_a_run_folder_has_a_status_and_a_recipe(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.has_run()
    (folder / RECIPE_FILE).write_text("name: mine\n", encoding="utf-8")
    assert not folder.has_run()  # the recipe may be the user's
    folder.write_status("running", 0)
    assert folder.has_run()
    assert not folder.is_finished()
    folder.write_status("finished", 3)
    assert folder.is_finished()
    (folder / RECIPE_FILE).unlink()
    assert not folder.has_run()


@pytest.mark.parametrize("status", ["{}", "[1]", "half", '{"state": "running", "epoch": 0}'])
def test_a_status_of_another_program_does_not_make_a_run(tmp_path: Path, status: str) -> None:
    (tmp_path / STATUS_FILE).write_text(status, encoding="utf-8")
    (tmp_path / RECIPE_FILE).write_text("name: mine\n", encoding="utf-8")
    assert not RunFolder(tmp_path).has_run()
    assert RunFolder(tmp_path).has_other_files()


def test_files_of_the_user_are_told_from_those_of_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "new")
    assert not folder.has_other_files()
    with folder.lock():
        assert not folder.has_other_files()  # the lock file is ours
    (folder / ".partial-status.json").write_text("half", encoding="utf-8")
    assert not folder.has_other_files()  # what a process left that died at its first file
    (folder / "letter.txt").write_text("dear", encoding="utf-8")
    assert folder.has_other_files()
    folder.write_status("running", 0)
    assert not folder.has_other_files()  # now it is a run folder


def test_a_new_run_deletes_the_files_of_the_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    written = ["environment.json", "dataset.json", "model.json", "history.csv", "batches.csv", "test.json", "predictions.npz", "examples.npz"]
    for name in [*written, "model.keras", "best.keras", "checkpoint/2/state.json", "tensorboard/events", ".partial-x", "letter.txt", RECIPE_FILE]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")
    folder.write_status("failed", 2)
    folder.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.txt", RECIPE_FILE, STATUS_FILE]


LOCK = """
import sys
from pathlib import Path
from kcifar.core.errors import UserError
from kcifar.runs.folder import RunFolder
try:
    with RunFolder(Path(sys.argv[1])).lock():
        print("locked")
except UserError as error:
    print(error)
"""


def lock_in_another_process(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", LOCK, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_another_process_cannot_lock_the_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.lock():
        folder.write_status("running", 0)
        message = lock_in_another_process(tmp_path)
    assert message.startswith(f"{tmp_path}: another process is training into this folder (process {os.getpid()} on ")
    assert lock_in_another_process(tmp_path) == "locked"


@given(st.text() | st.floats(allow_nan=False) | st.integers())
def test_a_csv_cell_gives_the_same_value_when_read(value: Any) -> None:
    ((cell, _),) = csv.reader(io.StringIO(f"{format_csv_cell(value)},end\n", newline=""), strict=True)
    assert type(value)(cell) == value


def test_a_stage_name_with_quotes_and_commas_is_read_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_history([{"stage": 'a "b", c', "epoch": 1, "loss": 0.1}])
    with (folder / HISTORY_FILE).open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"stage": 'a "b", c', "epoch": "1", "loss": "0.1"}]
