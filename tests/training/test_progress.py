"""What a person sees: durations in words, one line an epoch, a bar that leaves nothing behind."""

import io

import pytest

from kcifar.training.progress import EpochHeading, PlainProgress, TerminalProgress, duration, epoch_line

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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (5370, "1 h 30 min"), (11_100, "3 h 05 min")],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_epochs_line() -> None:
    line = epoch_line(ROW, 35, 11_100)
    assert line == "learn 3/35  rate 0.0003  loss 1.5000  accuracy 50.00%  validation 62.50%  149 images/s  61.3 s  3 h 05 min left"
    without_validation = {name: value for name, value in ROW.items() if name != "val_accuracy"}
    assert "validation" not in epoch_line(without_validation, 35, 60)
    assert "left" not in epoch_line(ROW, 3, 0)


def test_plain_progress_says_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    progress.begin_epoch(HEADING)
    for step in range(1, 11):
        progress.update(step, 1.0, 0.5)
    progress.end_epoch(ROW, 60)
    assert capsys.readouterr().out.count("\n") == 1


def test_the_bar_fits_80_columns_and_goes_away() -> None:
    from rich.console import Console

    screen = io.StringIO()
    progress = TerminalProgress(Console(file=screen, force_terminal=True, width=80, highlight=False, color_system=None))
    progress.begin_epoch(HEADING)
    progress.update(5, 1.0, 0.5)
    progress.refresh()
    shown = screen.getvalue()
    assert "learn 3/35" in shown
    assert "rate 0.0003" in shown
    assert "images/s" in shown
    assert "left" in shown
    progress.end_epoch(ROW, 60)
    progress.close()
    assert "learn 3/35  rate 0.0003  loss 1.5000" in screen.getvalue()
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is shown again
    assert "…" not in screen.getvalue()  # nothing was cut off
