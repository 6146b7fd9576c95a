"""Checkpoints and atomic files: complete or absent, even if writing them is interrupted."""

import errno
import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from kcifar.core.errors import UserError
from kcifar.core.files import write_file, write_json, write_text
from kcifar.runs import checkpoint
from kcifar.runs.checkpoint import Position, load_checkpoint, restore_variables, save_checkpoint

VARIABLES = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "seed/state": np.array([1, 2], np.uint32)}


def position(epoch: int) -> Position:
    row = {"stage": "learn", "epoch": epoch, "loss": 0.1 + epoch}
    return Position(epoch, epoch * 10, epoch * 640, [row], (epoch, 0.5), {"batches.csv": 17})


def refuse(line: str) -> None:
    raise AssertionError(f"nothing is damaged: {line}")


def save(folder: Path, epoch: int) -> None:
    save_checkpoint(folder, position(epoch), {name: value + epoch if value.dtype == np.float32 else value for name, value in VARIABLES.items()})


def test_a_checkpoint_is_restored_bit_for_bit(tmp_path: Path) -> None:
    save(tmp_path, 3)
    found = load_checkpoint(tmp_path, refuse)
    assert found is not None
    assert found[0] == position(3)
    assert found[1].keys() == VARIABLES.keys()
    assert np.array_equal(found[1]["a/kernel"], VARIABLES["a/kernel"] + 3)
    assert found[1]["seed/state"].dtype == np.uint32


def test_numbers_that_are_not_finite_pass_through_a_checkpoint(tmp_path: Path) -> None:
    saved = position(3)
    saved.history[0] |= {"stage": "nan", "val_loss": math.nan, "val_cross_entropy": math.inf, "loss": -math.inf}
    save_checkpoint(tmp_path, saved, VARIABLES)
    json.loads((tmp_path / "3" / checkpoint.STATE_FILE).read_text(), parse_constant=pytest.fail)  # JSON itself has no NaN
    found = load_checkpoint(tmp_path, refuse)
    assert found is not None
    assert str(found[0]) == str(saved)


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for epoch in (1, 2, 9, 10):
        save(tmp_path, epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "9"]


def test_the_newest_checkpoint_is_loaded(tmp_path: Path) -> None:
    for epoch in (9, 10):  # as texts, "10" comes before "9"
        save(tmp_path, epoch)
    loaded = load_checkpoint(tmp_path, refuse)
    assert loaded is not None
    assert loaded[0] == position(10)
    assert np.array_equal(loaded[1]["a/kernel"], VARIABLES["a/kernel"] + 10)


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "none", refuse) is None


@pytest.mark.parametrize("name", [checkpoint.VARIABLES_FILE, checkpoint.STATE_FILE])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_checkpoint_is_skipped(tmp_path: Path, name: str, damage: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = tmp_path / "2" / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(data.replace(b"sha256", b"sha257") if name == checkpoint.STATE_FILE else data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    lines: list[str] = []
    found = load_checkpoint(tmp_path, lines.append)
    assert found is not None
    assert found[0].epoch == 1
    line = "damaged and removed: the checkpoint after epoch 2; the one after epoch 1, the newest that is intact, is used"
    assert lines == [f"{tmp_path}: {line}"]


def test_the_newest_of_several_intact_checkpoints_is_used_and_all_damaged_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "KEPT", 5)
    for epoch in (8, 9, 10, 11, 12):
        save(tmp_path, epoch)
    for epoch in (12, 11):
        (tmp_path / str(epoch) / checkpoint.VARIABLES_FILE).write_bytes(b"")
    lines: list[str] = []
    found = load_checkpoint(tmp_path, lines.append)
    assert found is not None
    assert found[0] == position(10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "8", "9"]
    line = "damaged and removed: the checkpoint after epoch 12 and 11; the one after epoch 10, the newest that is intact, is used"
    assert lines == [f"{tmp_path}: {line}"]


def test_without_an_intact_checkpoint_training_starts_again_and_says_so(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "1" / checkpoint.STATE_FILE).unlink()
    lines: list[str] = []
    assert load_checkpoint(tmp_path, lines.append) is None
    assert lines == [f"{tmp_path}: damaged and removed: the checkpoint after epoch 1; training starts again"]


def test_a_half_written_checkpoint_is_removed(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / ".partial-2").mkdir()
    (tmp_path / ".partial-2" / "variables.npz").write_bytes(b"half")
    found = load_checkpoint(tmp_path, refuse)
    assert found is not None
    assert found[0].epoch == 1
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_full_disk_leaves_only_the_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)

    def full(*args: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    class Variable:
        shape = (2, 3)
        value: Any = None

        def assign(self, value: np.ndarray) -> None:
            self.value = value

    variable = Variable()
    restore_variables({"a": variable}, {"a": np.ones((2, 3))}, tmp_path)
    assert variable.value is not None
    with pytest.raises(UserError, match="'b' is in only one of them"):
        restore_variables({"a": variable}, {"a": np.ones((2, 3)), "b": np.ones(1)}, tmp_path)
    with pytest.raises(UserError, match=r"'a' is \(3, 2\), expected \(2, 3\)"):
        restore_variables({"a": variable}, {"a": np.ones((3, 2))}, tmp_path)


def test_a_file_is_complete_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def fails(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_file(path, fails)
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["x.json"]


def test_numbers_that_json_lacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "Größe")
    assert (tmp_path / "x.txt").read_bytes() == "Größe".encode()
