"""What a person sees: durations in words, one line per epoch, a bar that leaves nothing behind, a notebook's line that moves, or nothing."""

import io
import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.core.errors import UserError
from kcifar.training import progress as module
from kcifar.training.epoch_lines import EpochClock, EpochHeading, format_duration, format_epoch
from kcifar.training.progress import LogProgress, NotebookProgress, PlainProgress, Progress, SilentProgress, TerminalProgress, new_progress

ROW = {
    "stage": "learn",
    "epoch": 3,
    "learning_rate": 3e-4,
    "loss": 1.5,
    "accuracy": 0.5,
    "val_accuracy": 0.625,
    "images_per_second": 149.4,
    "seconds": 61.26,
}
HEADING = EpochHeading("learn", 3, 35, 10, 640, 3e-4)
LINE = "learn 3/35  lr 0.0003  loss 1.500  acc 50.00%  val 62.50%  61 s  60 s left"


def report_epoch(progress: Progress, steps: int = 10) -> None:
    """Report what a run reports: a line, an epoch, its end."""
    progress.say("training")
    progress.begin_epoch(HEADING)
    for step in range(1, steps + 1):
        progress.update(step, 1.0, 0.5)
    progress.end_epoch(ROW, 60)
    progress.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (5370, "1 h 30 min"), (11_100, "3 h 05 min")],
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_an_epochs_line() -> None:
    assert format_epoch(ROW, 35, 60) == LINE
    assert format_epoch(ROW, 35, 11_100).endswith("  61 s  3 h 05 min left")
    without_validation = {name: value for name, value in ROW.items() if name != "val_accuracy"}
    assert "val" not in format_epoch(without_validation, 35, 60)
    assert "left" not in format_epoch(ROW, 3, 0)


def test_plain_progress_prints_one_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    report_epoch(PlainProgress())
    assert capsys.readouterr().out == f"training\n{LINE}\n"


def read_lines(read: Callable[[], Any], count: int) -> list[str]:
    """Return the lines that were printed, once there are `count`."""
    lines: list[str] = []
    deadline = time.monotonic() + 10
    while len(lines) < count and time.monotonic() < deadline:
        lines += read().out.splitlines()
        time.sleep(0.01)
    return lines


def test_a_pipe_gets_lines_while_an_update_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "LOG_SECONDS", 0.05)
    progress = LogProgress()
    progress.begin_epoch(EpochHeading("learn", 3, 35, 10, 640, 3e-4, compiles=True))
    assert read_lines(capsys.readouterr, 3)[:3] == ["learn 3/35  compiling the first update", *["learn 3/35  compiling for 0 s"] * 2]
    progress.update(4, 1.25, 0.5)
    late = read_lines(capsys.readouterr, 3)[1:]
    assert late
    assert all(line.startswith("learn 3/35  step 4 of 10  loss 1.250  ") and line.endswith(" left") for line in late)
    progress.end_epoch(ROW, 60)
    time.sleep(0.2)
    assert capsys.readouterr().out.endswith(f"{LINE}\n")  # and no line after it


def test_a_pipe_hears_of_no_compilation_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    report_epoch(LogProgress())
    assert capsys.readouterr().out == f"training\n{LINE}\n"


def test_there_is_a_line_at_least_each_half_minute() -> None:
    assert module.LOG_SECONDS <= 29


def test_the_time_left_leaves_the_compilation_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = EpochClock(EpochHeading("learn", 2, 3, 10, 640, 3e-4, compiles=True))
    for step, seconds in [(1, 60.0), (2, 61.0), (4, 63.0)]:  # a minute's compilation, then one update a second
        now[0] = seconds
        clock.count(step)
    assert clock.format_line(1.0) == "learn 2/3  step 4 of 10  loss 1.000  64 images/s  16 s left"


NAMES, EPOCHS, SECONDS = st.text("abcdefgh_", min_size=1, max_size=40), st.integers(1, 999), st.floats(1, 99 * 3600)


@given(NAMES, EPOCHS, st.floats(1e-6, 99), st.floats(0, 99), SECONDS, SECONDS)
def test_lines_fit_80_columns(name: str, epoch: int, rate: float, loss: float, seconds: float, left: float) -> None:
    row = ROW | {"stage": name, "epoch": epoch, "learning_rate": rate, "loss": loss, "accuracy": 1.0, "val_accuracy": 0.9999, "seconds": seconds}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: 0.0)
        clock = EpochClock(EpochHeading(name, epoch, 999, 9999, 50_000, rate))
        patch.setattr(time, "perf_counter", lambda: seconds)
        clock.count(9000)
        lines = [format_epoch(row, 999, left), clock.format_line(loss)]
    assert all(len(line) <= 80 and f"{epoch}/999" in line for line in lines)


def test_a_long_name_is_cut_as_little_as_needed() -> None:
    line = format_epoch(ROW | {"stage": "with_warm_restarts_and_more"}, 35, 60)
    assert len(line) == 80
    assert line.startswith("with_warm_… 3/35  lr 0.0003  ")
    assert format_epoch(ROW | {"stage": "with_warm"}, 35, 60).startswith("with_warm 3/35  ")


def test_silent_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    report_epoch(SilentProgress())
    assert capsys.readouterr() == ("", "")


def test_the_bar_fits_80_columns_and_goes_away() -> None:
    from rich.console import Console

    screen = io.StringIO()
    progress = TerminalProgress(Console(file=screen, force_terminal=True, width=80, highlight=False, color_system=None))
    progress.begin_epoch(HEADING)
    progress.update(5, 1.0, 0.5)
    progress.refresh()
    shown = screen.getvalue()
    assert "learn 3/35" in shown
    assert "lr 0.0003  loss 1.000" in shown
    assert "images/s" in shown
    assert "left" in shown
    progress.end_epoch(ROW, 60)
    progress.close()
    assert LINE in screen.getvalue()
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is shown again
    assert "…" not in screen.getvalue()  # nothing was cut off


class Notebook:
    """Stands for IPython: remembers what each displayed line was replaced by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kernel: object) -> None:
        self.lines: list[list[str]] = []
        package, display = ModuleType("IPython"), ModuleType("IPython.display")
        package.get_ipython, display.display = lambda: SimpleNamespace(kernel=kernel), self.display  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        self.lines.append(shown := [data["text/plain"]])
        return SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))


@pytest.mark.parametrize("steps", [3, 10, 1000])
def test_a_notebooks_line_moves_within_the_epoch(steps: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "NOTEBOOK_SECONDS", 1e9)  # as if the epoch took no time
    notebook = Notebook(monkeypatch, kernel=object())
    progress = NotebookProgress()
    progress.say("training")
    progress.begin_epoch(EpochHeading("learn", 3, 35, steps, 640, 3e-4))
    for step in range(1, steps + 1):
        progress.update(step, 1.0, 0.5)
    progress.end_epoch(ROW, 60)
    assert capsys.readouterr().out == "training\n"
    (line,) = notebook.lines
    assert line[0] == "learn 3/35  starting"
    assert line[-1] == LINE
    moves = line[1:-1]
    assert len(moves) == min(steps, module.NOTEBOOK_PARTS)
    assert len(set(moves)) == len(moves)
    assert moves[-1].startswith("learn 3/35  100%  lr 0.0003  loss 1.000  ")


def test_a_notebooks_line_moves_in_a_long_epoch_whenever_some_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTEBOOK_SECONDS", 0.0)
    notebook = Notebook(monkeypatch, kernel=object())
    report_epoch(NotebookProgress())
    assert [len(line) for line in notebook.lines] == [12]


def test_a_failed_epoch_leaves_the_notebooks_line_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch, kernel=object())
    progress = NotebookProgress()
    progress.begin_epoch(HEADING)
    progress.close()
    progress.update(10, 1.0, 0.5)
    assert notebook.lines == [["learn 3/35  starting"]]


@pytest.mark.parametrize(
    ("verbose", "is_terminal", "kernel", "expected"),
    [
        (None, False, None, LogProgress),
        (1, False, None, LogProgress),
        (1, True, None, TerminalProgress),
        (1, False, object(), NotebookProgress),
        (None, True, object(), NotebookProgress),  # a kernel's standard output claims to be a terminal
        (0, True, object(), SilentProgress),
        (2, True, object(), PlainProgress),
    ],
)
def test_progress_suits_the_output(verbose: int | None, is_terminal: bool, kernel: object, expected: type, monkeypatch: pytest.MonkeyPatch) -> None:
    Notebook(monkeypatch, kernel)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert type(new_progress(verbose)) is expected


def test_other_numbers_are_refused() -> None:
    with pytest.raises(UserError, match=r"verbose: expected 0 \(silent\), 1 \(progress\) or 2 \(one line per epoch\), got 3"):
        new_progress(3)
