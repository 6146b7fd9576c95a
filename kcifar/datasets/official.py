"""The sizes and sums of CIFAR's official files, and a check of the files at hand against them.

Sizes in bytes. Sources of the MD5 sums: torchvision (files of the Python archives; the same in other projects' listings); sums of the
archives: see `cifar_layouts`. Of the binary archives' files only the sizes follow from their format; no sums are published.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kcifar.core.errors import UserError
from kcifar.core.files import sha256_of
from kcifar.datasets.archives import entries
from kcifar.datasets.cifar_layouts import CIFAR10, Cifar, Layout, cifar100_with
from kcifar.datasets.npz import is_npz


class Expected(NamedTuple):
    """What an official file is known by; None where that is not known."""

    size: int | None
    md5: str | None = None


ARCHIVE_SIZES = {
    "cifar-10-python.tar.gz": 170_498_071,
    "cifar-10-binary.tar.gz": 170_052_171,
    "cifar-100-python.tar.gz": 169_001_437,
    "cifar-100-binary.tar.gz": 168_513_733,
}
_BATCH, _RECORD_10, _RECORD_100 = 10_000, 1 + 3 * 32 * 32, 2 + 3 * 32 * 32
FILES: dict[str, dict[str, Expected]] = {
    "cifar-10-batches-py": {
        "data_batch_1": Expected(31_035_704, "c99cafc152244af753f735de768cd75f"),
        "data_batch_2": Expected(31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
        "data_batch_3": Expected(31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
        "data_batch_4": Expected(31_035_696, "634d18415352ddfa80567beed471001a"),
        "data_batch_5": Expected(31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        "test_batch": Expected(31_035_526, "40351d587109b95175f43aff81a1287e"),
        "batches.meta": Expected(158, "5ff9c542aee3614f3951f8cda6e48888"),
    },
    "cifar-10-batches-bin": {
        **{f"data_batch_{number}.bin": Expected(_BATCH * _RECORD_10) for number in range(1, 6)},
        "test_batch.bin": Expected(_BATCH * _RECORD_10),
        "batches.meta.txt": Expected(None),
    },
    "cifar-100-python": {
        "train": Expected(155_249_918, "16019d7e3df5f24257cddd939b257f8d"),
        "test": Expected(None, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        "meta": Expected(None, "7973b15100ade9c7d40fb424638fde48"),
    },
    "cifar-100-binary": {
        "train.bin": Expected(5 * _BATCH * _RECORD_100),
        "test.bin": Expected(_BATCH * _RECORD_100),
        "fine_label_names.txt": Expected(None),
        "coarse_label_names.txt": Expected(None),
    },
}
OFFICIAL: dict[str, Callable[[Mapping[str, Any]], Cifar]] = {
    "cifar10": lambda arguments: CIFAR10,
    "cifar100": lambda arguments: cifar100_with(arguments["labels"]),
}


@dataclass(frozen=True)
class Finding:
    """What was found of one file, or of one part of a data set.

    Attributes:
        name: Of the file or part.
        status: "ok", or in two or three words what is wrong.
        size: In bytes; None where it is no file or there is none.
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


def check_files(cifar: Cifar, path: Path) -> list[Finding]:
    """Compare the files at hand with the official ones.

    Args:
        cifar: Which data set.
        path: Its archive, the folder with its files, or a Keras-style .npz, of which there is nothing official.
    Returns:
        A row for the archive, if it is one, and one for each official file of the layout that most of them belong to.
    """
    if is_npz(path):
        return [Finding(path.name, "ok", path.stat().st_size, "a .npz: there is no official one, its contents are checked")]
    archive = [] if path.is_dir() else [_check_archive(cifar, path)]
    try:
        return archive + _check_layout(cifar, _sums(cifar, path))
    except UserError as error:
        return [*archive, Finding("its files", "damaged", None, str(error).removeprefix(f"{path}: "))]


def _check_archive(cifar: Cifar, path: Path) -> Finding:
    """Look an archive up by its sum; its name says which size was expected, where it is an official name."""
    size, name = path.stat().st_size, cifar.archive_sums.get(sha256_of(path))
    if name is not None:
        return Finding(path.name, "ok", size, f"sha256 of {name}")
    expected = ARCHIVE_SIZES.get(path.name)
    if expected is None:
        return Finding(path.name, "wrong sum", size, "the sha256 sum of no official archive")
    return Finding(path.name, *_differs(size, expected, "sha256"))


def _sums(cifar: Cifar, path: Path) -> dict[str, tuple[int, str]]:
    """Return size and MD5 sum of each file that has an official name, from a folder or an archive."""
    official = {name for layout in cifar.layouts for name in FILES[layout.folder]}
    found = {}
    for entry in entries(path):
        if entry.path.name in official and len(entry.path.parts) <= 2 and entry.path.name not in found:
            try:
                content = entry.read()
            except OSError as error:
                raise UserError(f"{path}: {entry.path} cannot be read: {error}") from None
            found[entry.path.name] = len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()
    return found


def _check_layout(cifar: Cifar, found: Mapping[str, tuple[int, str]]) -> list[Finding]:
    def present(layout: Layout) -> int:
        return len(found.keys() & FILES[layout.folder].keys())

    layout = max(cifar.layouts, key=present)
    return [_check_file(name, expected, found.get(name)) for name, expected in FILES[layout.folder].items()]


def _check_file(name: str, expected: Expected, found: tuple[int, str] | None) -> Finding:
    if found is None:
        return Finding(name, "missing")
    size, md5 = found
    if expected.md5 == md5:
        return Finding(name, "ok", size, "md5")
    if expected.md5 is None and expected.size in (None, size):
        return Finding(name, "ok", size, "size; no sum is published" if expected.size else "is there; neither size nor sum is published")
    return Finding(name, *_differs(size, expected.size, "md5"))


def _differs(size: int, expected: int | None, kind: str) -> tuple[str, int, str]:
    """Return status, size and detail of a file that is not the official one."""
    if expected is not None and size != expected:
        return "wrong size", size, f"expected {expected:,} bytes"
    return "wrong sum", size, f"not the official {kind} sum"


def failures(findings: Iterable[Finding]) -> str:
    """Return what is wrong in one line, or an empty text."""
    wrong = [f"{finding.name}: {finding.status}" for finding in findings if not finding.is_ok]
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return ", ".join(wrong[:3]) + more
