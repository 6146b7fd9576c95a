"""Downloads that resume after an interruption, and are kept only if their checksum is right."""

import http.client
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from kcifar.core.errors import UserError, one_line
from kcifar.core.files import compute_sha256
from kcifar.core.option_names import name_option
from kcifar.datasets.progress import byte_bar

_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 2**18


def download(url: str, target: Path, checksums: Collection[str], say: Callable[[str], None]) -> None:
    """Download a file to `target`, unless another process has just done so.

    Received bytes are kept as `<target>.partial`; a second call requests the rest only. A server that does not support this
    sends the complete file again.

    Args:
        url: http or https.
        target: Path of the complete file; its folder exists.
        checksums: The SHA-256 checksums that are accepted.
        say: Called with one line at the start and one at the end.
    Raises:
        UserError: The network or the disk failed (received bytes are kept), or the checksum is wrong (the file is removed).
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{name_option('url')}: expected an address that starts with http:// or https://, got {one_line(url, 80)!r}")
    with _lock(target, say):
        if target.exists():
            return
        say(f"downloading {url}")
        partial = target.with_name(target.name + ".partial")
        _fetch_all(url, partial)
        _check_checksum(url, partial, checksums)
        partial.replace(target)
        say(f"downloaded {target}")


@contextmanager
def _lock(target: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one process at a time download `target`: two would write to the same partial file."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with target.with_name(target.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that is downloading {target.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_all(url: str, partial: Path) -> None:
    """Request the missing bytes until the file is complete; give up after an attempt that adds nothing."""
    while True:
        before = _get_size(partial)
        problem = _fetch_once(url, partial, before)
        if problem is None:
            return
        if _get_size(partial) <= before:
            kept = f"; {_get_size(partial)} bytes are kept, and the same command resumes there" if _get_size(partial) else ""
            options = f"a file or folder of yours with {name_option('data')}, or a mirror with {name_option('url')}"
            raise UserError(f"cannot download {url}: {problem}; name {options}{kept}")


def _fetch_once(url: str, partial: Path, received: int) -> str | None:
    """Append the bytes from one connection to `partial`; return what went wrong, or None if the file is complete."""
    headers = {"User-Agent": "kcifar"} | ({"Range": f"bytes={received}-"} if received else {})
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS) as response, partial.open("ab") as file:
            if not _is_continuation(response, received):
                file.truncate(0)
                received = 0
            return _copy(response, file, received, partial.name)
    except HTTPError as error:
        error.close()
        # 416: the server has no further bytes. The checksum decides whether the file is complete.
        return None if error.code == 416 and received else f"the server answers {error.code} {one_line(error.reason)}"
    except URLError as error:
        return one_line(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return one_line(error) or type(error).__name__


def _is_continuation(response: http.client.HTTPResponse, received: int) -> bool:
    """Return whether the response starts where the partial file ends."""
    return response.status == 206 and (response.headers.get("Content-Range") or "").startswith(f"bytes {received}-")


def _copy(response: http.client.HTTPResponse, file: IO[bytes], received: int, title: str) -> str | None:
    length = response.headers.get("Content-Length")
    total = received + int(length) if length else None
    with byte_bar(title.removesuffix(".partial"), total, received) as advance:
        while block := response.read(_BLOCK_BYTES):
            file.write(block)
            advance(len(block))
            received += len(block)
    return None if total is None or received == total else f"the connection broke after {received} of {total} bytes"


def _check_checksum(url: str, partial: Path, checksums: Collection[str]) -> None:
    checksum = compute_sha256(partial)
    if checksum not in checksums:
        size = _get_size(partial)
        partial.unlink()
        expected = " or ".join(f"{value[:12]}…" for value in checksums)
        raise UserError(f"{url}: refused and removed: expected the SHA-256 checksum {expected}, got {checksum[:12]}… ({size} bytes)")


def _get_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
