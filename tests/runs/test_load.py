"""Laws of reading run folders for the report: damaged and foreign ones are named with the reason, never fatal."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import CLASS_NAMES, STAGES, history_rows, metrics_row, write_history, write_json, write_run

from kcifar.core.errors import UserError
from kcifar.runs.evaluation_result import evaluate_predictions
from kcifar.runs.find import find_folders
from kcifar.runs.load import load_run, load_runs

# Run folders, good and bad


def _change_test(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        write_json(folder / "test.json", json.loads((folder / "test.json").read_text(encoding="utf-8")) | values)

    return change


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
    (
        _replace("test.json", b'{"samples": 10, "accuracy": 1.0, "cross_entropy": 0.1, "classes": [], "confusion_matrix": [[10]]}'),
        "test.json: confusion_matrix: expected 0 rows of 0 counts",
    ),
    (_change_test(accuracy=0.5), "test.json: confusion_matrix: expected the diagonal to match accuracy 0.5, got 0.833333"),
    (_change_test(cross_entropy=-1.0), "test.json: cross_entropy: expected"),
    (_change_test(classes=[metrics_row(("a",), ((30,),))["classes"][0] | {"recall": 7.0}]), "test.json: classes[0].recall: expected"),
    (
        _change_test(classes=[metrics_row(("a",), ((30,),))["classes"][0] | {"support": 1000}], confusion_matrix=[[30]]),
        "test.json: classes: expected each support to be tp + fn and at most samples",
    ),
    (_replace("status.json", b"null"), "status.json: expected a mapping, as training writes `status.json`, got None"),
    (_replace("model.json", b"[]"), "model.json: expected a mapping, as training writes `model.json`"),
    (lambda folder: (folder / "history.csv").unlink(), "history.csv: missing"),
    (lambda folder: (folder / "test.json").unlink() or (folder / "test.json").mkdir(), "test.json: cannot be read: Is a directory"),
    (_replace("dataset.json", b'{"class_names": []}'), "dataset.json: class_names: expected"),
    (_replace("model.json", b'{"parameters": 1, "bytes": 1e400}'), "model.json: bytes: expected an integer"),
    (_replace("history.csv", b""), "no epoch completed yet (status: finished)"),
    (_replace("history.csv", b"stage,stage_index\nlearn,0\n"), "history.csv:1: expected each column once, epoch is missing"),
    (_replace("history.csv", b"\x89PNG\r\n\x1a\n\xff"), "history.csv: not a CSV file"),
    (_cut_line, "history.csv:10: expected 14 values, got 12"),
    (_change_history(loss="low"), "history.csv:5: loss: expected a number, got 'low'"),
    (_change_history(val_cross_entropy="low"), "history.csv:5: val_cross_entropy: expected a number, got 'low'"),
    (_change_history(epoch=7), "history.csv: expected epochs 1, 2, 3, … in order"),
    (_change_history(stage_index=2), "history.csv: expected stage_index to count"),
    (_change_history(stage_index=math.nan), "history.csv: expected stage_index to count"),
    (
        _replace(
            "recipe.yaml",
            json.dumps({"name": "x", "dataset": {"name": "d"}, "model": {"name": "m"}, "stages": [{"name": "s", "epochs": 1}]}).encode(),
        ),
        "history.csv: expected at most 1 stages, as in recipe.yaml, got 3",
    ),
]


def test_the_seconds_of_compilation_are_numbers_and_unknown_in_older_runs(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    assert load_run(folder, "run").history["compilation_seconds"].isna().all()
    rows = history_rows(STAGES)
    write_history(folder, [row | {"compilation_seconds": 1.5} for row in rows])
    assert load_run(folder, "run").history["compilation_seconds"].tolist() == [1.5] * len(rows)


@pytest.mark.parametrize(("value", "expected"), [(3.4e38, 3.4e38), (1e39, math.nan), (-1e39, math.nan), (math.inf, math.nan), (math.nan, math.nan)])
def test_numbers_out_of_the_range_of_float32_are_nan(value: float, expected: float, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    _change_history(val_loss=value)(folder)
    assert load_run(folder, "run").history["val_loss"][3] == pytest.approx(expected, nan_ok=True)


def _change_arrays(name: str, **changes: Any) -> Callable[[Path], object]:
    """Replace some arrays of an .npz file; None leaves one out."""

    def change(folder: Path) -> None:
        with np.load(folder / name) as arrays:
            kept = dict(arrays) | changes
        np.savez_compressed(folder / name, **{key: value for key, value in kept.items() if value is not None})

    return change


def _flip_a_byte(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[content.index(b"test_probabilities.npy") + 80] ^= 0xFF  # in what the zip file has a checksum of
        (folder / name).write_bytes(content)

    return change


def _mark_as_encrypted(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[6] |= 1  # a flag of the first file's header, and of its entry in the directory
        content[content.index(b"PK\x01\x02") + 8] |= 1
        (folder / name).write_bytes(content)

    return change


LATE_DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (_replace("predictions.npz", b"PK"), "predictions.npz: damaged"),
    (_replace("predictions.npz", b"garbage" * 99), "predictions.npz: damaged: not an .npz file"),
    (_mark_as_encrypted("predictions.npz"), "predictions.npz: damaged"),
    (_change_arrays("predictions.npz", test_labels=np.array(3)), "predictions.npz: test: expected labels (n,)"),
    (_replace("examples.npz", b""), "examples.npz: damaged"),
    (_flip_a_byte("predictions.npz"), "predictions.npz: "),
    (_change_arrays("predictions.npz", test_labels=None), "predictions.npz: test_labels: missing"),
    (_change_arrays("predictions.npz", test_labels=np.zeros(3, np.int64)), "predictions.npz: test: expected labels (n,)"),
    (_change_arrays("predictions.npz", test_labels=np.full(30, 7)), "predictions.npz: test: expected labels from 0 to 2, got 7 to 7"),
    (_change_arrays("predictions.npz", validation_indices=np.zeros(30, np.int64)), "predictions.npz: validation: expected each image once"),
    (
        _change_arrays("predictions.npz", test_probabilities=np.full((30, 3), np.nan, np.float32)),
        "predictions.npz: test: expected probabilities that sum to 1",
    ),
    (
        _change_arrays("predictions.npz", test_labels=np.zeros(30, np.int64), test_probabilities=np.full((30, 2), 0.5, np.float32)),
        "predictions.npz: expected 3 classes, got 2",
    ),
    (
        _change_arrays(
            "predictions.npz",
            test_labels=np.zeros(9, np.int64),
            test_probabilities=np.full((9, 3), 1 / 3, np.float32),
            test_indices=np.arange(9),
        ),
        "predictions.npz: expected 30 test images, as in test.json, got 9",
    ),
    (_change_arrays("examples.npz", images=np.zeros((30, 8, 8, 3))), "examples.npz: expected uint8 images (n, height, width, 3), got float64"),
    (_change_arrays("examples.npz", split=np.array(["test"])), "examples.npz: expected an index and a split for each image"),
    (_replace("batches.csv", b"step,loss\n1,2\n"), "batches.csv:1: expected step,stage,epoch,loss,accuracy, got step,loss"),
    (_replace("batches.csv", b"step,stage,epoch,loss,accuracy\n1,a,1,low,0.5\n"), "batches.csv:2: loss: expected a number, got 'low'"),
]


@pytest.mark.parametrize(("damage", "reason"), LATE_DAMAGES, ids=[reason for _, reason in LATE_DAMAGES])
def test_damaged_arrays_are_found_before_anything_is_written(damage: Callable[[Path], object], reason: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    load_run(folder, "run").check_arrays()
    damage(folder)
    with pytest.raises(UserError) as raised:
        load_run(folder, "run").check_arrays()
    assert str(raised.value).startswith(reason)
    assert "\n" not in str(raised.value)


def test_hidden_folders_are_not_run_folders(tmp_path: Path) -> None:
    for name in ("b", ".hidden", "a"):
        write_run(tmp_path / name)
    assert [folder.name for folder in find_folders(tmp_path)] == ["a", "b"]


def test_a_history_saved_by_a_spreadsheet_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    expected = load_run(folder, "run").history
    _replace("history.csv", b"\xef\xbb\xbf" + (folder / "history.csv").read_bytes())(folder)
    assert load_run(folder, "run").history.equals(expected)


def test_probabilities_are_scaled_to_sum_to_one(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    exact = load_run(folder, "run").test_predictions
    assert exact
    _change_arrays("predictions.npz", test_probabilities=(exact.probabilities * 1.0005).astype(np.float32))(folder)
    rounded = load_run(folder, "run").test_predictions
    assert rounded
    assert rounded.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-14)
    assert rounded.probabilities == pytest.approx(exact.probabilities, rel=1e-6)


def test_the_last_line_of_batches_may_still_be_growing(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    whole = load_run(folder, "run").batches
    with (folder / "batches.csv").open("a", encoding="utf-8") as file:
        file.write("370,polish,1")
    assert whole is not None
    assert whole.equals(load_run(folder, "run").batches)


def test_what_the_test_part_tells_is_what_its_predictions_tell(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run"), "run")
    assert run.evaluation is not None
    assert run.predictions is not None
    again = evaluate_predictions(run.predictions, run.class_names)
    assert again.classes == run.evaluation.classes
    assert again.matrix.tolist() == run.evaluation.matrix.tolist()
    assert (again.split, again.samples, again.accuracy) == ("test", 30, run.evaluation.accuracy)


def test_a_run_without_a_test_is_judged_by_its_validation_part(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "test.json").unlink()
    _change_arrays("predictions.npz", test_labels=None, test_probabilities=None, test_indices=None)(folder)
    run = load_run(folder, "run")
    run.check_arrays()
    assert run.evaluation is not None
    assert (run.evaluation.split, run.evaluation.class_names, run.evaluation.accuracy) == ("validation", list(CLASS_NAMES), 25 / 30)


@pytest.mark.parametrize(("damage", "reason"), DAMAGES, ids=[reason for _, reason in DAMAGES])
def test_damaged_folders_are_skipped_by_name_with_the_reason(damage: Callable[[Path], object], reason: str, tmp_path: Path) -> None:
    good, bad = write_run(tmp_path / "good"), write_run(tmp_path / "bad")
    damage(bad)
    result, skipped = load_runs([bad, good])
    assert [run.name for run in result] == ["good"]
    assert [entry.folder for entry in skipped] == [bad]
    assert skipped[0].reason.startswith(reason)
    assert "\n" not in skipped[0].reason
    assert str(tmp_path) not in skipped[0].reason


def test_runs_are_named_by_as_little_of_their_path_as_tells_them_apart(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name) for name in ("a/x", "b/x", "b/y")]
    result, _ = load_runs([*folders, folders[0] / ".." / "x"])  # one given twice
    assert [run.name for run in result] == ["a/x", "b/x", "y"]


def test_more_columns_and_keys_may_follow(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", history=[row | {"added": "text"} for row in history_rows(STAGES)])
    write_json(run / "status.json", {"state": "finished", "added": 1})
    assert load_run(run, "run").history["added"].tolist() == ["text"] * 9
