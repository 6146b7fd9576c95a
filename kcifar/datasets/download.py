"""Downloads that go on where they broke off, and are kept only if their sum is right."""

import http.client
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from kcifar.core.errors import UserError, one_line
from kcifar.core.files import sha256_of
from kcifar.datasets.progress import byte_bar

_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 2**18


def download(url: str, target: Path, sums: Collection[str], say: Callable[[str], None]) -> None:
    """Download a file to `target`, unless another process has just done so.

    What has come so far is kept as `<target>.partial`; a second call asks for the rest only. A server that cannot send a part
    sends the whole file again.

    Args:
        url: http or https.
        target: Where the file goes once it is complete; its folder exists.
        sums: The sha256 sums that are right.
        say: Called with a line at the start and at the end.
    Raises:
        UserError: The network or the disk failed (what came is kept), or the sum is wrong (what came is removed).
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--url: expected an address that starts with http:// or https://, got {one_line(url, 80)!r}")
    with _alone(target, say):
        if target.exists():
            return
        say(f"downloading {url}")
        partial = target.with_name(target.name + ".partial")
        _fetch(url, partial)
        _verify(url, partial, sums)
        partial.replace(target)
        say(f"downloaded {target}")


@contextmanager
def _alone(target: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one process at a time download `target`: two would write into one partial file."""
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


def _fetch(url: str, partial: Path) -> None:
    """Ask for what is missing until all is there; a try that brings nothing new is the last."""
    while True:
        before = _size(partial)
        problem = _attempt(url, partial, before)
        if problem is None:
            return
        if _size(partial) <= before:
            kept = f"; {_size(partial)} bytes are kept, and the same command goes on from there" if _size(partial) else ""
            raise UserError(f"cannot download {url}: {problem}; name a file or folder of yours with --data, or a mirror with --url{kept}")


def _attempt(url: str, partial: Path, have: int) -> str | None:
    """Add to `partial` what one connection brings; return what went wrong, or None if the file is complete."""
    headers = {"User-Agent": "kcifar"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS) as response, partial.open("ab") as file:
            if not _continues(response, have):
                file.truncate(0)
                have = 0
            return _copy(response, file, have, partial.name)
    except HTTPError as error:
        error.close()
        # 416: nothing lies beyond what we have. The sum will tell whether it is the file.
        return None if error.code == 416 and have else f"the server answers {error.code} {one_line(error.reason)}"
    except URLError as error:
        return one_line(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return one_line(error) or type(error).__name__


def _continues(response: http.client.HTTPResponse, have: int) -> bool:
    """Tell whether the answer begins where our file ends."""
    return response.status == 206 and (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(response: http.client.HTTPResponse, file: IO[bytes], have: int, title: str) -> str | None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    with byte_bar(title.removesuffix(".partial"), total, have) as advance:
        while block := response.read(_BLOCK_BYTES):
            file.write(block)
            advance(len(block))
            have += len(block)
    return None if total is None or have == total else f"the connection broke after {have} of {total} bytes"


def _verify(url: str, partial: Path, sums: Collection[str]) -> None:
    found = sha256_of(partial)
    if found not in sums:
        size = _size(partial)
        partial.unlink()
        expected = " or ".join(f"{value[:12]}…" for value in sums)
        raise UserError(f"{url}: refused and removed: expected the sha256 sum {expected}, got {found[:12]}… ({size} bytes)")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
