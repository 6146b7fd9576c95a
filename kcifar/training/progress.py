"""What a person sees while a run trains: a bar on a terminal, a line that moves in a notebook, lines elsewhere, or nothing."""

import contextlib
import importlib
import math
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kcifar.core.errors import UserError
from kcifar.training.epoch_lines import EpochClock, EpochHeading, format_epoch

if TYPE_CHECKING:
    from rich.console import Console

# A notebook's line is updated after this many seconds, and after each of these parts of an epoch.
NOTEBOOK_SECONDS, NOTEBOOK_PARTS = 0.5, 5
# In a pipe or file, there is a line within an epoch after each of these many seconds; half a minute may pass for a machine that hangs.
LOG_SECONDS = 25.0


class Progress(Protocol):
    """Where the trainer reports to."""

    def say(self, line: str) -> None:
        """Show one line."""
        ...

    def begin_epoch(self, heading: EpochHeading) -> None:
        """An epoch starts."""
        ...

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """The epoch's `step`-th batch is done; loss and accuracy are means over the epoch so far."""
        ...

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """An epoch is done; `row` is its row of the history, `seconds_left` the estimate for the rest of the run."""
        ...

    def close(self) -> None:
        """Nothing more is reported until the next epoch begins; a terminal is left as it was."""
        ...


class SilentProgress:
    """Shows nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Show nothing."""

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Show nothing."""

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave nothing open."""


class PlainProgress(SilentProgress):
    """One line per epoch on standard output."""

    def __init__(self) -> None:
        self._total_epochs = 0

    def say(self, line: str) -> None:
        """Show one line."""
        print(line, flush=True)

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Remember how many epochs there are."""
        self._total_epochs = heading.total_epochs

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Show the epoch's line."""
        self.say(format_epoch(row, self._total_epochs, seconds_left))


class LogProgress(PlainProgress):
    """One line per epoch on standard output, and one each half minute within an epoch, for pipes and log files."""

    def __init__(self) -> None:
        super().__init__()
        self._clock: EpochClock | None = None
        self._loss = math.nan
        self._ended = threading.Event()

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Begin to show lines; they come from a thread, as a single update may take longer than the time between two of them."""
        super().begin_epoch(heading)
        self.close()
        if heading.compiles:
            self.say(f"{heading}  compiling the first update")
        self._clock, self._loss, self._ended = EpochClock(heading), math.nan, threading.Event()
        threading.Thread(target=self._show_lines, args=(self._clock, self._ended), daemon=True).start()

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Remember how far the epoch is."""
        if self._clock is not None:
            self._loss = loss
            self._clock.count(step)

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Show the epoch's line."""
        self.close()
        super().end_epoch(row, seconds_left)

    def close(self) -> None:
        """Show no more lines of the epoch."""
        self._ended.set()

    def _show_lines(self, clock: EpochClock, ended: threading.Event) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody listens any more
            while not ended.wait(LOG_SECONDS):
                self.say(clock.format_line(self._loss))


class NotebookProgress:
    """One line per epoch, updated in place while the epoch runs, for notebooks."""

    def __init__(self) -> None:
        self._display = importlib.import_module("IPython.display").display
        self._clock: EpochClock | None = None
        self._line: Any = None  # handle of the line that is updated in place
        self._last_step, self._last_time = 0, 0.0

    def say(self, line: str) -> None:
        """Show one line."""
        print(line, flush=True)

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Show the epoch's heading."""
        self._clock = EpochClock(heading)
        self._last_step, self._last_time = 0, time.perf_counter()
        self._line = self._display(_as_text(f"{heading}  {self._clock.format_state(math.nan)}"), raw=True, display_id=True)

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Replace the line, unless that was done a moment ago."""
        if self._clock is None or self._line is None:
            return
        self._clock.count(step)
        steps, now = self._clock.heading.steps, time.perf_counter()
        is_next_part = step * NOTEBOOK_PARTS // steps > self._last_step * NOTEBOOK_PARTS // steps
        if is_next_part or now - self._last_time >= NOTEBOOK_SECONDS:
            self._last_step, self._last_time = step, now
            line = f"{self._clock.heading}  {step / steps:4.0%}  {self._clock.format_state(loss)}"
            self._line.update(_as_text(line), raw=True)

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Replace the line by the epoch's result."""
        if self._clock is not None and self._line is not None:
            self._line.update(_as_text(format_epoch(row, self._clock.heading.total_epochs, seconds_left)), raw=True)
        self.close()

    def close(self) -> None:
        """Leave the line as it is."""
        self._line = None


class TerminalProgress:
    """A bar with stage, epoch, learning rate, loss, images/s and time left; a finished epoch leaves its line. It fits 80 columns."""

    def __init__(self, console: "Console | None" = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console = console or Console(highlight=False)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[state]}"), console=self._console, transient=True
        )
        self._task: Any = None
        self._clock: EpochClock | None = None

    def say(self, line: str) -> None:
        """Show one line above the bar."""
        self._console.print(line, markup=False, soft_wrap=True)

    def begin_epoch(self, heading: EpochHeading) -> None:
        """Show an empty bar."""
        self._clock = EpochClock(heading)
        self._bar.start()
        self._task = self._bar.add_task(str(heading), total=heading.steps, state=self._clock.format_state(math.nan))

    def update(self, step: int, loss: float, accuracy: float) -> None:
        """Move the bar."""
        if self._clock is not None:
            self._clock.count(step)
            self._bar.update(self._task, completed=step, state=self._clock.format_state(loss))

    def refresh(self) -> None:
        """Draw the bar now; it is drawn ten times per second on its own."""
        self._bar.refresh()

    def end_epoch(self, row: Mapping[str, Any], seconds_left: float) -> None:
        """Replace the bar by the epoch's line."""
        self.close()
        if self._clock is not None:
            self.say(format_epoch(row, self._clock.heading.total_epochs, seconds_left))

    def close(self) -> None:
        """Remove the bar."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._bar.stop()


def new_progress(verbose: int | None = None) -> Progress:
    """Return where a run reports to.

    Args:
        verbose: 0 for silence; 1 (the default) for what suits the output: a bar on a terminal, a line that moves in a notebook, elsewhere
            one line per epoch and each half minute; 2 for one line per epoch.
    Raises:
        UserError: Another number.
    """
    if verbose not in (None, 0, 1, 2):
        raise UserError(f"verbose: expected 0 (silent), 1 (progress) or 2 (one line per epoch), got {verbose!r}")
    if verbose == 0:
        return SilentProgress()
    if verbose == 2:
        return PlainProgress()
    if is_notebook():  # asked first: a notebook's standard output may claim to be a terminal
        return NotebookProgress()
    return TerminalProgress() if sys.stdout.isatty() else LogProgress()


def is_notebook() -> bool:
    """Whether this process is an IPython kernel, whose output a notebook shows; an IPython shell on a terminal is none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def _as_text(line: str) -> dict[str, str]:
    """Return a line as IPython displays it."""
    return {"text/plain": line}
