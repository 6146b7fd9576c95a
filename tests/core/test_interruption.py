"""Ctrl-C and SIGTERM: answered within a second and ended within five, whatever the main thread is doing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from places import ROOT

from kcifar.core.errors import Terminated
from kcifar.core.interruption import GRACE_SECONDS, REPORT_SECONDS, report_interruption

COMMAND = """
import hashlib, sys, threading, time
from kcifar.core.command import make_app, run_app
from kcifar.core.interruption import report_interruption

app = make_app("")

@app.command()
def main(what: str) -> None:
    with report_interruption(lambda _cause: print("goes on with: this", flush=True)):
        print("ready", flush=True)
        {body}

run_app(app)
"""
BODIES = {
    "in Python": "time.sleep(60)",
    "outside of Python": "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
    "deaf": "\n        while True:\n            try:\n                time.sleep(60)\n            except BaseException:\n                pass",
    "with another thread": "threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(60)",
    "into a full pipe": "\n        while True:\n            print('x' * 1000)",
}


@contextmanager
def running(body: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND.replace("{body}", BODIES[body]), "x"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        yield process
    finally:
        process.kill()
        process.communicate()


def read_answer(process: "subprocess.Popen[str]") -> tuple[str, float]:
    """Return the line that the command answers with, and after how many seconds."""
    assert process.stderr is not None
    started = time.monotonic()
    return process.stderr.readline(), time.monotonic() - started


SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@SIGNALS
@pytest.mark.parametrize("body", ["outside of Python", "deaf"])
def test_a_busy_command_answers_within_a_second_and_ends_within_five(body: str, number: int, code: int) -> None:
    with running(body) as process:
        process.send_signal(number)
        line, seconds = read_answer(process)
        assert line == "stopping (Ctrl-C again ends at once)\n"
        assert seconds < 1
        assert process.wait(timeout=5 - seconds) == code
        assert process.stdout is not None
        assert process.stdout.read() == "goes on with: this\n"


@SIGNALS
@pytest.mark.parametrize("body", ["in Python", "with another thread"])
def test_a_command_that_can_ends_within_a_second(body: str, number: int, code: int) -> None:
    with running(body) as process:
        process.send_signal(number)
        assert process.wait(timeout=1) == code
        assert process.stdout is not None
        assert process.stdout.read() == "goes on with: this\n"


def test_a_second_signal_ends_at_once() -> None:
    with running("outside of Python") as process:
        process.send_signal(signal.SIGINT)
        read_answer(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=0.9) == 130
        assert process.stdout is not None
        assert process.stdout.read() == "goes on with: this\n"


def test_a_pipe_that_nobody_reads_does_not_hold_the_end_up() -> None:
    with running("into a full pipe") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 143


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    """As in `nohup` and in a shell's background."""
    script = COMMAND.replace("{body}", "time.sleep(1); print('done')")
    process = subprocess.Popen(
        [sys.executable, "-c", script, "x"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)],
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "done\n"
    assert process.returncode == 0


def test_both_times_together_leave_a_margin_to_five_seconds() -> None:
    assert GRACE_SECONDS + REPORT_SECONDS <= 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, Terminated])
def test_in_a_python_process_an_interruption_is_reported_once_and_raised(error: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(error), report_interruption(lambda _cause: print("outer")), report_interruption(lambda _cause: print("inner")):
        raise error
    assert capsys.readouterr().out == "inner\nouter\n"


def test_other_errors_are_not_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), report_interruption(lambda _cause: print("interrupted")):
        raise OSError("full")
    assert capsys.readouterr().out == ""
