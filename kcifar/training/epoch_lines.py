"""The texts about an epoch: how far it is, and the line that it leaves. They fit the 80 columns of a terminal."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LINE_CHARACTERS = 80
# A bar of rich's is drawn beside the heading, so that a stage's name gets this many characters at most.
NAME_CHARACTERS = 12


@dataclass(frozen=True)
class EpochHeading:
    """Which epoch is about to run.

    Attributes:
        stage: The stage's name.
        epoch: Over all stages, from 1.
        total_epochs: Of all stages.
        steps: Batches of this epoch.
        images: Images of this epoch.
        learning_rate: Of its first update.
        compiles: Whether a program is compiled before its first update.
    """

    stage: str
    epoch: int
    total_epochs: int
    steps: int
    images: int
    learning_rate: float
    compiles: bool = False

    def __str__(self) -> str:
        return f"{_shorten(self.stage, NAME_CHARACTERS)} {self.epoch}/{self.total_epochs}"


class EpochClock:
    """Measures an epoch that runs, and estimates the rest of the run from it.

    The speed is that of the updates after the first one, which may have been compiled.
    """

    def __init__(self, heading: EpochHeading) -> None:
        self.heading, self._started = heading, time.perf_counter()
        self._first: tuple[int, float] | None = None  # step and time when the first update was done
        self._last: tuple[int, float] = (0, self._started)

    def count(self, step: int) -> None:
        """Note that a batch of the epoch, from 1, is done."""
        self._last = step, time.perf_counter()
        self._first = self._first or self._last

    def format_state(self, loss: float) -> str:
        """Return learning rate, loss, speed and time left, or what is waited for before the first update is done."""
        if self._first is None:
            return "compiling" if self.heading.compiles else "starting"
        return f"lr {self.heading.learning_rate:.2g}  {self._format_speed(loss)}"

    def format_line(self, loss: float) -> str:
        """Return a line about the epoch so far: step of steps, loss, speed and time left."""
        if self._first is None:
            text = f"{self.format_state(loss)} for {format_duration(time.perf_counter() - self._started)}"
        else:
            text = f"step {self._last[0]:,} of {self.heading.steps:,}  {self._format_speed(loss)}"
        return _make_line(self.heading.stage, f"{self.heading.epoch}/{self.heading.total_epochs}  {text}")

    def _format_speed(self, loss: float) -> str:
        heading, (step, now) = self.heading, self._last
        first_step, first_time = self._first if self._first and self._first[0] < step else (0, self._started)
        seconds = (now - first_time) / (step - first_step)
        updates_left = heading.steps - step + heading.steps * (heading.total_epochs - heading.epoch)
        speed = heading.images / heading.steps / max(seconds, 1e-9)
        return f"loss {_format_loss(loss)}  {speed:.{0 if speed >= 10 else 1}f} images/s  {format_duration(seconds * updates_left)} left"


def _make_line(stage: str, rest: str) -> str:
    """Return a line that begins with a stage's name, which is shortened if the line is too long."""
    return f"{_shorten(stage, max(1, LINE_CHARACTERS - len(rest) - 1))} {rest}"


def _shorten(name: str, characters: int) -> str:
    return name if len(name) <= characters else name[: characters - 1] + "…"


def format_epoch(row: Mapping[str, Any], total_epochs: int, seconds_left: float) -> str:
    """Return the one line that an epoch leaves."""
    parts = [
        f"{row['epoch']}/{total_epochs}",
        f"lr {row['learning_rate']:.2g}",
        f"loss {_format_loss(row['loss'])}",
        f"acc {_format_fraction(row['accuracy'])}",
    ]
    if "val_accuracy" in row:
        parts.append(f"val {_format_fraction(row['val_accuracy'])}")
    parts.append(_format_seconds(row["seconds"]))
    if row["epoch"] < total_epochs:
        parts.append(f"{format_duration(seconds_left)} left")
    return _make_line(row["stage"], "  ".join(parts))


def _format_loss(loss: float) -> str:
    return f"{loss:.{3 if loss < 10 else 2}f}"


def _format_fraction(fraction: float) -> str:
    return "100%" if fraction == 1 else f"{fraction:.2%}"


def _format_seconds(seconds: float) -> str:
    """Write the duration of an epoch in at most six characters."""
    return f"{seconds:.1f} s" if seconds < 10 else format_duration(seconds) if seconds < 5400 else f"{seconds / 3600:.1f} h"


def format_duration(seconds: float) -> str:
    """Write a duration as a person says it: "45 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
