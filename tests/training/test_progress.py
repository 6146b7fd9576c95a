"""What a person sees: durations in words, one line per epoch, a bar that leaves nothing behind, a notebook's line that moves, or nothing."""

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kcifar.core.errors import UserError
from kcifar.training import progress as module
from kcifar.training.progress import (
    EpochHeading,
    NotebookProgress,
    PlainProgress,
    Progress,
    SilentProgress,
    TerminalProgress,
    format_duration,
    format_epoch,
    new_progress,
)

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
LINE = "learn 3/35  learning rate 0.0003  loss 1.5000  accuracy 50.00%  validation 62.50%  149 images/s  61.3 s  60 s left"


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
    assert format_epoch(ROW, 35, 11_100).endswith("  61.3 s  3 h 05 min left")
    without_validation = {name: value for name, value in ROW.items() if name != "val_accuracy"}
    assert "validation" not in format_epoch(without_validation, 35, 60)
    assert "left" not in format_epoch(ROW, 3, 0)


def test_plain_progress_prints_one_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    report_epoch(PlainProgress())
    assert capsys.readouterr().out == f"training\n{LINE}\n"


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
    assert "learn 3/35  learning rate 0.0003  loss 1.5000" in screen.getvalue()
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
        (None, False, None, PlainProgress),
        (1, False, None, PlainProgress),
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
