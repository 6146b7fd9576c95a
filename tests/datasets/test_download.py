"""Laws of downloads, against a server on this machine: they resume where they stopped, and only a file with the right checksum is kept."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from archives import TRAIN_ROWS, cifar10_binary, cifar10_python, private_caches, refusal, sample, write_tar

from kcifar.datasets.cifar import load_cifar
from kcifar.datasets.cifar_layouts import CIFAR10
from kcifar.datasets.dataset import Source
from kcifar.datasets.download import download

CONTENT = np.random.default_rng(0).bytes(300_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """The behavior of the server, and the ranges that it was asked for.

    Attributes:
        cuts: How many bytes each answer sends before the connection breaks; answers after the last are whole.
        ranges: Whether it can send a part.
        status: Another answer than the file.
    """

    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if self.status != 200:
            handler.send_error(self.status)
        elif start and start >= len(self.content):
            handler.send_error(416)
        else:
            self._send(handler, start)

    def _send(self, handler: BaseHTTPRequestHandler, start: int) -> None:
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cuts.pop(0) if self.cuts else len(body)])


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}/cifar.tar.gz"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cifar.tar.gz"


def partial(target: Path) -> Path:
    return target.with_name(target.name + ".partial")


def test_download_says_when_it_starts_and_ends_and_nothing_else(target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with serving(Server()) as server:
        download(server.url, target, [SUM], said.append)
        assert said == [f"downloading {server.url}", f"downloaded {target}"]
    assert target.read_bytes() == CONTENT
    assert not partial(target).exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("cuts", [[1], [100_000], [100_000, 50_000, 1]])
def test_broken_download_resumes_where_it_stopped(cuts: list[int], target: Path) -> None:
    with serving(Server(cuts=list(cuts))) as server:
        download(server.url, target, [SUM], print)
        starts = [f"bytes={sum(cuts[:number])}-" for number in range(1, len(cuts) + 1)]
        assert server.asked == [None, *starts]
    assert target.read_bytes() == CONTENT


def test_download_of_an_earlier_process_is_resumed(target: Path) -> None:
    partial(target).write_bytes(CONTENT[:123_456])
    with serving(Server()) as server:
        download(server.url, target, [SUM], print)
        assert server.asked == ["bytes=123456-"]
    assert target.read_bytes() == CONTENT


def test_complete_partial_file_needs_no_more_bytes(target: Path) -> None:
    partial(target).write_bytes(CONTENT)
    with serving(Server()) as server:
        download(server.url, target, [SUM], print)
    assert target.read_bytes() == CONTENT


def test_server_that_ignores_ranges_sends_the_complete_file_again(target: Path) -> None:
    partial(target).write_bytes(b"x" * 1000)
    with serving(Server(ranges=False, cuts=[2000])) as server:
        download(server.url, target, [SUM], print)
        assert server.asked == ["bytes=1000-", "bytes=2000-"]
    assert target.read_bytes() == CONTENT


def test_connection_that_adds_nothing_ends_and_keeps_the_received_bytes(target: Path) -> None:
    with serving(Server(cuts=[5000, 0])) as server:
        message = refusal(download, server.url, target, [SUM], print)
    assert "broke after 5000 of 300000 bytes" in message
    assert "--data" in message
    assert "5000 bytes are kept" in message
    assert partial(target).read_bytes() == CONTENT[:5000]
    assert not target.exists()


@pytest.mark.parametrize("content", [b"<html>sign in</html>", CONTENT[:-1] + b"x", b""])
def test_wrong_checksum_is_refused_and_removed(content: bytes, target: Path) -> None:
    with serving(Server(content=content)) as server:
        message = refusal(download, server.url, target, [SUM], print)
    assert f"expected the SHA-256 checksum {SUM[:12]}…, got {hashlib.sha256(content).hexdigest()[:12]}…" in message
    assert not target.exists()
    assert not partial(target).exists()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_answer_of_the_server_is_named(status: int, target: Path) -> None:
    with serving(Server(status=status)) as server:
        message = refusal(download, server.url, target, [SUM], print)
        assert len(server.asked) == 1
    assert f"the server answers {status}" in message
    assert "--data" in message


def test_no_network_is_one_line_that_mentions_data(target: Path) -> None:
    with serving(Server()) as server:
        url = server.url
    message = refusal(download, url, target, [SUM], print)
    assert "refused" in message
    assert "--data" in message


@pytest.mark.parametrize("url", ["ftp://host/file", "file:///etc/passwd", "/etc/passwd", ""])
def test_other_addresses_are_refused(url: str, target: Path) -> None:
    assert "http://" in refusal(download, url, target, [SUM], print)


def test_two_processes_download_once(target: Path) -> None:
    with serving(Server()) as server, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _number: download(server.url, target, [SUM], lambda line: None), range(4)))
        assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("files", [cifar10_python(sample()), cifar10_binary(sample())], ids=["python", "binary"])
def test_cifar_is_downloaded_once_from_a_mirror_and_again_when_damaged(files: dict[str, bytes], tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "mirror.tar.gz", files).read_bytes()
    cifar = replace(CIFAR10, archive_checksums={hashlib.sha256(archive).hexdigest(): "mirror"})
    said: list[str] = []
    with serving(Server(content=archive)) as server:
        source = Source(url=server.url, say=said.append)
        for _ in range(2):
            np.testing.assert_array_equal(load_cifar(cifar, source).train.images, sample().images[:TRAIN_ROWS])
        assert len(server.asked) == 1
        kept = tmp_path / "our cache" / "cifar-10-python.tar.gz"
        kept.write_bytes(archive[:-1])
        np.testing.assert_array_equal(load_cifar(cifar, source).train.images, sample().images[:TRAIN_ROWS])
        assert len(server.asked) == 2
    assert any("damaged" in line for line in said)


def test_cache_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path / "file"))
    assert "KCIFAR_CACHE" in refusal(load_cifar, CIFAR10, Source(url="http://127.0.0.1:1/"))
