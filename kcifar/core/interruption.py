"""Ctrl-C and SIGTERM for commands: answered at once, ended within seconds, whatever the main thread is doing.

Python runs a signal's handler between two instructions of the main thread, and a compiled update may keep that thread inside the backend
for a minute. The handler written in C runs at once and writes the signal's number to a socket, from which a thread of ours reads it: it
says that the command is stopping, gives the main thread a few seconds to leave in the usual way, and then ends the process. That is as
safe as SIGKILL: files are complete or absent. Only commands use this; in somebody's Python process, Ctrl-C stays a KeyboardInterrupt.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from kcifar.core.errors import Terminated

# A command that is interrupted has this long to end by itself, and its last report this long to be written.
GRACE_SECONDS, REPORT_SECONDS = 3.0, 1.0

_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}

# What is told if the process must be ended, the innermost activity last.
_reports: list[Callable[[str], None]] = []


@contextmanager
def end_soon_after_signals() -> Iterator[None]:
    """Answer Ctrl-C and SIGTERM inside the block, and end the process if the block does not end in time or a second signal arrives.

    SIGTERM raises `Terminated`, unless the process handles or ignores it already.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    former_socket = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    former = signal.getsignal(signal.SIGTERM)
    if former is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    threading.Thread(target=_watch, args=(reader,), name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
        signal.set_wakeup_fd(former_socket)
        writer.close()  # ends the thread


@contextmanager
def report_interruption(report: Callable[[str], None]) -> Iterator[None]:
    """Call `report` once if Ctrl-C or SIGTERM leaves the block, or if the process must be ended inside it, from another thread.

    Args:
        report: Says how to go on, and leaves files that say so too; called with the cause, "Ctrl-C" or "SIGTERM".
    """
    report_once = _make_callable_once(report)
    _reports.append(report_once)
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        report_once(_NAMES[signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT])
        raise
    finally:
        _reports.remove(report_once)


def _make_callable_once(report: Callable[[str], None]) -> Callable[[str], None]:
    first = threading.Lock()

    def report_once(cause: str) -> None:
        if first.acquire(blocking=False):
            report(cause)

    return report_once


def _watch(reader: socket.socket) -> None:
    first = _wait_for_signal(reader, None)
    if first is None:
        return
    threading.Thread(target=_say_stopping, daemon=True).start()  # a pipe that nobody reads must not delay the end
    with contextlib.suppress(TimeoutError):
        if _wait_for_signal(reader, GRACE_SECONDS) is None:
            return
    reporter = threading.Thread(target=_report_all, args=(_NAMES[first],), daemon=True)
    reporter.start()
    reporter.join(REPORT_SECONDS)
    os._exit(_EXIT_CODES[first])


def _wait_for_signal(reader: socket.socket, seconds: float | None) -> signal.Signals | None:
    """Return the next SIGINT or SIGTERM; None if the block has ended.

    Raises:
        TimeoutError: None arrived in time.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        reader.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
        received = reader.recv(1)
        if not received:
            return None
        if received[0] in _EXIT_CODES:
            return signal.Signals(received[0])


def _say_stopping() -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody listens any more
        print("stopping (Ctrl-C again ends at once)", file=sys.stderr, flush=True)


def _report_all(cause: str) -> None:
    for report in reversed(_reports.copy()):
        with contextlib.suppress(Exception):
            report(cause)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
