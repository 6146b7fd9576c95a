"""Laws of reading run folders for the report: damaged and foreign ones are named with the reason, never fatal."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_folders import STAGES, history_rows, write_history, write_json, write_run

from kcifar.reporting.load import read_run, read_runs

# Run folders, good and bad


def _cut_line(folder: Path) -> None:
    path = folder / "history.csv"
    path.write_text(path.read_text().rsplit(",", 2)[0])


def _change_history(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        rows = history_rows(STAGES)
        rows[3] |= values
        write_history(folder, rows)

    return change


def _replace(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: (folder / "recipe.yaml").unlink(), "not a run folder (it has no recipe.yaml)"),
    (_replace("recipe.yaml", b"a: ["), "recipe.yaml:1: not valid YAML"),
    (_replace("recipe.yaml", b"\xff"), "recipe.yaml:1: expected UTF-8 text"),
    (_replace("recipe.yaml", b"name: x\n"), "recipe.yaml: dataset: missing"),
    (_replace("recipe.yaml", b""), "recipe.yaml: expected"),
    (lambda folder: (folder / "status.json").unlink(), "status.json: missing"),
    (_replace("status.json", b'{"state": "asleep"}'), "status.json: state: expected one of 'running'"),
    (_replace("test.json", b'{"samples": 10,'), "test.json: not valid JSON"),
    (_replace("test.json", b"[" * 100_000), "test.json: not valid JSON"),
    (_replace("test.json", b'{"samples": 0, "accuracy": 1.0, "cross_entropy": 0.1, "classes": []}'), "test.json: samples: expected an integer > 0"),
    (_replace("model.json", b'{"parameters": 1, "bytes": 1e400}'), "model.json: bytes: expected an integer"),
    (_replace("history.csv", b""), "no epoch completed yet (status: finished)"),
    (_replace("history.csv", b"stage,stage_index\nlearn,0\n"), "history.csv:1: expected each column once, epoch is missing"),
    (_replace("history.csv", b"\x89PNG\r\n\x1a\n\xff"), "history.csv: not a CSV file"),
    (_cut_line, "history.csv:10: expected 14 values, got 12"),
    (_change_history(loss="low"), "history.csv:5: loss: expected a number, got 'low'"),
    (_change_history(epoch=7), "history.csv: expected the epochs 1, 2, 3, … in order"),
    (_change_history(stage_index=2), "history.csv: expected stage_index to count"),
    (_change_history(stage_index=math.nan), "history.csv: expected stage_index to count"),
    (
        _replace(
            "recipe.yaml",
            json.dumps({"name": "x", "dataset": {"name": "d"}, "model": {"name": "m"}, "stages": [{"name": "s", "epochs": 1}]}).encode(),
        ),
        "history.csv: expected at most 1 stages",
    ),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES, ids=[reason for _, reason in DAMAGES])
def test_damaged_folders_are_skipped_by_name_with_the_reason(damage: Callable[[Path], object], reason: str, tmp_path: Path) -> None:
    good, bad = write_run(tmp_path / "good"), write_run(tmp_path / "bad")
    damage(bad)
    found, skipped = read_runs([bad, good])
    assert [run.name for run in found] == ["good"]
    assert [entry.folder for entry in skipped] == [bad]
    assert skipped[0].reason.startswith(reason)
    assert "\n" not in skipped[0].reason
    assert str(tmp_path) not in skipped[0].reason


def test_runs_are_named_by_as_little_of_their_path_as_tells_them_apart(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name) for name in ("a/x", "b/x", "b/y")]
    found, _ = read_runs([*folders, folders[0] / ".." / "x"])  # one given twice
    assert [run.name for run in found] == ["a/x", "b/x", "y"]


def test_more_columns_and_keys_may_follow(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", history=[row | {"added": "text"} for row in history_rows(STAGES)])
    write_json(run / "status.json", {"state": "finished", "added": 1})
    assert read_run(run, "run").history["added"].tolist() == ["text"] * 9
