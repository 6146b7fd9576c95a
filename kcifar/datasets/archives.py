"""Reads the files of a folder, a tar or a zip archive in turn, in memory: nothing is ever extracted.

Links are not followed out of the folder, unless that is asked for, and never in an archive. A name that points outside (absolute, or
with "..") refuses the entire archive, because it must be malicious.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Self, cast

from kcifar.core.errors import UserError, one_line

# CIFAR-100's training file, the largest that is needed, has 148 MiB. More than this in one file is an error or a decompression bomb.
MAX_FILE_BYTES = 512 * 2**20
# Links may lead to the same folders in ever more ways; ImageNet with all of its classes has 22,000 folders.
MAX_FOLDERS = 200_000
# Small reads of a compressed stream cost more than decompressing it: 1.4 s instead of 0.9 s for CIFAR-10.
_BUFFER_BYTES = 2**20
_OPENERS: dict[bytes, Callable[[Path], object]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\0": lzma.open, b"BZh": bz2.open}
_TAR_DAMAGE = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)
_ZIP_DAMAGE = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError)


class _CheckedTarInfo(tarfile.TarInfo):
    """A member's header that notices a truncated archive: `tarfile` mistakes a missing header without an end mark for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("unexpected end of data")
        return super().frombuf(buf, encoding, errors)


@dataclass(frozen=True)
class Entry:
    """One file of a folder or archive, or one folder in it.

    Attributes:
        path: Path inside the folder or archive.
        read: Returns its bytes; OSError if this file cannot be read. Call it before asking for the next entry: archives are
            read as streams.
        is_folder: Whether it is a folder, which cannot be read.
    """

    path: PurePosixPath
    read: Callable[[], bytes]
    is_folder: bool = False


def iterate_entries(source: Path, follow_links: bool = False) -> Iterator[Entry]:
    """Yield every regular file and link below `source`; see `iterate_members`."""
    return (member for member in iterate_members(source, follow_links) if not member.is_folder)


def iterate_members(source: Path, follow_links: bool = False) -> Iterator[Entry]:
    """Yield every regular file, link and folder below `source`: in a folder sorted by name, in an archive in its own order.

    An archive may leave out folders that contain files.

    Args:
        source: A folder, a tar archive (plain, gz, bz2 or xz) or a zip archive.
        follow_links: Whether links in a folder lead to whatever they point to; one to a folder that contains it is not followed.
    Raises:
        UserError: It does not exist, is none of these, is damaged as a whole, contains a name that points outside, or is an archive
            whose links are to be followed.
    """
    if source.is_dir():
        return _iterate_linked_folder(source) if follow_links else _iterate_folder(source)
    if not source.is_file():
        raise UserError(f"{source}: no such file or folder")
    if follow_links:
        raise UserError(f"{source}: follow_links: true needs a folder; links in an archive are not followed")
    return _iterate_zip(source) if zipfile.is_zipfile(source) else _iterate_tar(source)


def _iterate_folder(source: Path) -> Iterator[Entry]:
    root = source.resolve()
    for folder, subfolders, files in os.walk(source):
        subfolders.sort()
        if Path(folder) != source:
            yield Entry(PurePosixPath(Path(folder).relative_to(source).as_posix()), _refuse_folder, True)
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        for name in sorted(files + links):
            path = Path(folder) / name
            if path.is_file() or path.is_symlink():
                yield Entry(PurePosixPath(path.relative_to(source).as_posix()), partial(_read_file, path, root))


def _iterate_linked_folder(source: Path) -> Iterator[Entry]:
    """Yield the files below `source`, through links too, sorted by name; a link back to a folder that contains it ends there."""
    pending: list[tuple[Path, tuple[Path, ...]]] = [(source, (source.resolve(),))]
    count = 0
    while pending:
        folder, way = pending.pop()
        count += 1
        if count > MAX_FOLDERS:
            raise UserError(f"{source}: more than {MAX_FOLDERS:,} folders; its links lead to the same folders in too many ways")
        if folder != source:
            yield Entry(PurePosixPath(folder.relative_to(source).as_posix()), _refuse_folder, True)
        subfolders = []
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                real = path.resolve()
                subfolders += [] if real in way else [(path, (*way, real))]
            elif path.is_file() or path.is_symlink():
                yield Entry(PurePosixPath(path.relative_to(source).as_posix()), partial(_read_regular_file, path))
        pending += reversed(subfolders)


def _read_file(path: Path, root: Path) -> bytes:
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise OSError("a link that leaves the folder; set follow_links: true to follow it")
    if path.is_dir():
        raise OSError("a link to a folder; set follow_links: true to follow it")
    return _read_regular_file(path)


def _read_regular_file(path: Path) -> bytes:
    _check_size(path.stat().st_size)
    if not path.is_file():
        raise OSError("not a regular file")
    return path.read_bytes()


def _iterate_tar(source: Path) -> Iterator[Entry]:
    try:
        with (
            _open_decompressed(source) as stream,
            tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER_BYTES, tarinfo=_CheckedTarInfo) as archive,
        ):
            for member in archive:
                path = _check_member_path(member.name, source)
                if member.isreg():
                    yield Entry(path, partial(_read_tar_member, source, archive, member))
                elif member.isdir():
                    yield Entry(path, _refuse_folder, True)
                elif member.issym() or member.islnk():
                    yield Entry(path, _refuse_link)
    except _TAR_DAMAGE as error:
        raise UserError(_describe_damage(source, error)) from None


def _open_decompressed(source: Path) -> IO[bytes]:
    """Open a file by its content, not by its name. Python's own streams notice truncation; those of `tarfile` do not."""
    file = source.open("rb")
    head = file.read(6)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            file.close()
            return cast(IO[bytes], opener(source))
    file.seek(0)
    return file


def _read_tar_member(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    _check_size(member.size)
    try:
        file = archive.extractfile(member)
        return file.read() if file else b""
    except _TAR_DAMAGE as error:
        raise UserError(_describe_damage(source, error)) from None


def _refuse_folder() -> bytes:
    raise OSError("a folder")


def _refuse_link() -> bytes:
    raise OSError("a link, which is not followed in an archive")


def _iterate_zip(source: Path) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(source) as archive:
            for member in archive.infolist():
                path = _check_member_path(member.filename, source)
                yield Entry(path, partial(_read_zip_member, archive, member), member.is_dir())
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(_describe_damage(source, error)) from None


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read one file; in a zip archive, one damaged or encrypted file does not affect the others."""
    _check_size(member.file_size)
    try:
        return archive.read(member)
    except _ZIP_DAMAGE as error:
        raise OSError(one_line(error)) from None


def _check_member_path(name: str, source: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{source}: refused: it contains {one_line(name, 80)!r}, a path outside the archive")
    return path


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise OSError(f"larger than {MAX_FILE_BYTES // 2**20} MiB")


def _describe_damage(source: Path, error: Exception) -> str:
    return f"{source}: damaged, or not a folder, .tar, .tar.gz, .tar.xz or .zip archive ({one_line(error)})"
