"""Compares CIFAR's files with the official sizes and checksums."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcifar.core.errors import UserError
from kcifar.core.files import compute_sha256
from kcifar.datasets.archives import iterate_entries
from kcifar.datasets.cifar_checksums import ARCHIVE_SIZES, OFFICIAL_FILES, OfficialFile
from kcifar.datasets.cifar_layouts import CIFAR10, Cifar, Layout, describe_cifar100
from kcifar.datasets.messages import list_first
from kcifar.datasets.npz import is_npz

OFFICIAL_DATASETS: dict[str, Callable[[Mapping[str, Any]], Cifar]] = {
    "cifar10": lambda arguments: CIFAR10,
    "cifar100": lambda arguments: describe_cifar100(arguments["labels"]),
}


@dataclass(frozen=True)
class Finding:
    """The result of checking one file, or one split of a data set.

    Attributes:
        name: Name of the file or split.
        status: "ok", or the problem in two or three words.
        size: In bytes; None for anything but an existing file.
        detail: What was checked, or what was expected.
    """

    name: str
    status: str
    size: int | None = None
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.status == "ok"


def inspect_files(cifar: Cifar, path: Path) -> list[Finding]:
    """Compare files with the official ones.

    Args:
        cifar: The data set.
        path: Its archive, the folder with its files, or a Keras-style .npz, for which there is nothing official.
    Returns:
        One finding for the archive, if it is one, and one for each official file of the layout that most of the files belong to.
    """
    if is_npz(path):
        return [Finding(path.name, "ok", path.stat().st_size, "a .npz: there is no official one; its contents are checked")]
    archive = [] if path.is_dir() else [_inspect_archive(cifar, path)]
    try:
        return archive + _inspect_layout(cifar, _compute_checksums(cifar, path))
    except UserError as error:
        return [*archive, Finding("its files", "damaged", None, str(error).removeprefix(f"{path}: "))]


def _inspect_archive(cifar: Cifar, path: Path) -> Finding:
    """Look an archive up by its checksum; if it has an official name, the name determines the expected size."""
    size, name = path.stat().st_size, cifar.archive_checksums.get(compute_sha256(path))
    if name is not None:
        return Finding(path.name, "ok", size, f"SHA-256 of {name}")
    expected = ARCHIVE_SIZES.get(path.name)
    if expected is None:
        return Finding(path.name, "wrong checksum", size, "not the SHA-256 checksum of an official archive")
    return Finding(path.name, *_describe_difference(size, expected, "SHA-256"))


def _compute_checksums(cifar: Cifar, path: Path) -> dict[str, tuple[int, str]]:
    """Return size and MD5 checksum of each file with an official name, from a folder or an archive."""
    official = {name for layout in cifar.layouts for name in OFFICIAL_FILES[layout.folder]}
    checksums: dict[str, tuple[int, str]] = {}
    for entry in iterate_entries(path):
        if entry.path.name in official and len(entry.path.parts) <= 2 and entry.path.name not in checksums:
            try:
                content = entry.read()
            except OSError as error:
                raise UserError(f"{path}: {entry.path} cannot be read: {error}") from None
            checksums[entry.path.name] = len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()
    return checksums


def _inspect_layout(cifar: Cifar, checksums: Mapping[str, tuple[int, str]]) -> list[Finding]:
    def count_present(layout: Layout) -> int:
        return len(checksums.keys() & OFFICIAL_FILES[layout.folder].keys())

    layout = max(cifar.layouts, key=count_present)
    return [_inspect_file(name, official, checksums.get(name)) for name, official in OFFICIAL_FILES[layout.folder].items()]


def _inspect_file(name: str, official: OfficialFile, file: tuple[int, str] | None) -> Finding:
    if file is None:
        return Finding(name, "missing")
    size, md5 = file
    if official.md5 == md5:
        return Finding(name, "ok", size, "MD5")
    if official.md5 is None and official.size in (None, size):
        return Finding(name, "ok", size, "size; no checksum is published" if official.size else "exists; neither size nor checksum is published")
    return Finding(name, *_describe_difference(size, official.size, "MD5"))


def _describe_difference(size: int, expected: int | None, kind: str) -> tuple[str, int, str]:
    """Return status, size and detail of a file that is not the official one."""
    if expected is not None and size != expected:
        return "wrong size", size, f"expected {expected:,} bytes"
    return "wrong checksum", size, f"not the official {kind} checksum"


def describe_failures(findings: Iterable[Finding]) -> str:
    """Return all problems in one line, or an empty text."""
    return list_first(f"{finding.name}: {finding.status}" for finding in findings if not finding.is_ok)
