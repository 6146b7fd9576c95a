"""Files appear under their names only when they are complete and on disk."""

import os
from pathlib import Path

import pytest

from kcifar.core.cache import complete_cache_file
from kcifar.core.files import complete_file, write_text


def test_a_file_is_flushed_before_it_is_renamed_and_its_folder_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(handle: int) -> None:
        calls.append("flush the folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "flush the file")
        fsync(handle)

    def record_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    write_text(tmp_path / "x.txt", "text")
    assert calls == ["flush the file", "rename", "flush the folder"]


def test_an_older_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old", encoding="utf-8")
    with complete_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_an_interrupted_cache_file_leaves_nothing(tmp_path: Path) -> None:
    def interrupt() -> None:
        with complete_cache_file(tmp_path / "x.npz") as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert os.listdir(tmp_path) == []
    with complete_cache_file(tmp_path / "x.npz") as temporary:
        assert str(os.getpid()) in temporary.name  # two processes may fill the cache
        temporary.write_bytes(b"all")
    assert os.listdir(tmp_path) == ["x.npz"]
