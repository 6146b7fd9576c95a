"""What a person sees while a run trains: a bar on a terminal, one plain line an epoch elsewhere."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class EpochHeading:
    """Which epoch is about to run.

    Attributes:
        stage: The stage's name.
        epoch: Over all stages, from 1.
        total_epochs: Of all stages.
        steps: Updates of this epoch.
        images: Images of this epoch.
        learning_rate: Of its first update.
    """

    stage: str
    epoch: int
    total_epochs: int
    steps: int
    images: int
    learning_rate: float


class Progress(Protocol):
    """Where the trainer reports to."""

    def say(self, line: str) -> None:
        """Show one line."""
        ...

    def begin_epoch(self, heading: EpochHeading) -> None:
        """An epoch starts."""
        ...

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """An update of the epoch is done, the `step`-th; loss and accuracy are means over the epoch so far."""
        ...

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """An epoch is done; `row` is its row of the history, `seconds_left` the estimate for the rest of the run."""
        ...

    def close(self) -> None:
        """Nothing more will be reported until the next epoch begins; a terminal is left as it was found."""
        ...


class PlainProgress:
    """One line an epoch on standard output, for logs and notebooks."""

    def __init__(self) -> None:
        self._heading: EpochHeading | None = None

    def say(self, line: str) -> None:
        """Show one line."""
        print(line, flush=True)

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Remember what the line will be headed by."""
        self._heading = heading

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Show nothing between epochs."""

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Show the epoch's line."""
        if self._heading is not None:
            self.say(epoch_line(row, self._heading.total_epochs, seconds_left))

    def close(self) -> None:
        """Leave nothing open."""


class TerminalProgress:
    """A bar with stage, epoch, rate, loss, images/s and time left; a finished epoch leaves its line. It fits 80 columns."""

    def __init__(self, console: "Console | None" = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console = console or Console(highlight=False)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[state]}"), console=self._console, transient=True
        )
        self._task: Any = None
        self._heading: EpochHeading | None = None
        self._started = 0.0

    def say(self, line: str) -> None:
        """Show one line above the bar."""
        self._console.print(line, markup=False, soft_wrap=True)

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Show an empty bar."""
        self._heading, self._started = heading, time.perf_counter()
        self._bar.start()
        self._task = self._bar.add_task(f"{heading.stage} {heading.epoch}/{heading.total_epochs}", total=heading.steps, state="starting")

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Move the bar."""
        if self._heading is None:
            return
        heading, seconds = self._heading, time.perf_counter() - self._started
        epoch_seconds = seconds * heading.steps / step
        left = duration(epoch_seconds * (heading.total_epochs - heading.epoch + 1) - seconds)
        speed = heading.images / epoch_seconds
        state = f"rate {heading.learning_rate:.2g}  loss {loss:.3f}  {speed:.0f} images/s  {left} left"
        self._bar.update(self._task, completed=step, state=state)

    def refresh(self) -> None:
        """Draw the bar now; it is drawn ten times a second by itself."""
        self._bar.refresh()

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Replace the bar by the epoch's line."""
        self.close()
        if self._heading is not None:
            self.say(epoch_line(row, self._heading.total_epochs, seconds_left))

    def close(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._bar.stop()


def new_progress() -> Progress:
    """Return a bar if standard output is a terminal, plain lines otherwise."""
    return TerminalProgress() if sys.stdout.isatty() else PlainProgress()


def epoch_line(row: Mapping[str, Any], total_epochs: int, seconds_left: float) -> str:
    """Return the one line that an epoch leaves."""
    parts = [
        f"{row['stage']} {row['epoch']}/{total_epochs}",
        f"rate {row['learning_rate']:.2g}",
        f"loss {row['loss']:.4f}",
        f"accuracy {row['accuracy']:.2%}",
    ]
    if "val_accuracy" in row:
        parts.append(f"validation {row['val_accuracy']:.2%}")
    parts += [f"{row['images_per_second']:.0f} images/s", f"{row['seconds']:.1f} s"]
    if row["epoch"] < total_epochs:
        parts.append(f"{duration(seconds_left)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Write a duration as a person says it: "45 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
