"""Progress bars on a terminal; no output elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

Advance = Callable[[int], None]


@contextmanager
def byte_bar(title: str, total: int | None, done: int = 0) -> Iterator[Advance]:
    """Show the number of bytes received, the speed and the time left; `total` None: unknown."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with _bar(columns, title, total, done) as advance:
        yield advance


@contextmanager
def count_bar(title: str, total: int) -> Iterator[Advance]:
    """Show how many of `total` items are done, and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _bar(columns, title, total, 0) as advance:
        yield advance


@contextmanager
def _bar(columns: "tuple[ProgressColumn, ...]", title: str, total: int | None, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda amount: progress.advance(task, amount)
