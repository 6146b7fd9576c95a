"""The ways in which a command fails, and the suggestion for a misspelled name."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """An error of the user: one line that states the place, what is allowed and what was received; exit code 2."""

    exit_code = 2


class Failure(Exception):
    """The command cannot continue, through no error of the user; one line, exit code 1."""

    exit_code = 1


class TrainingFailed(Failure):
    """A loss or a weight is not finite."""


class ExportFailed(Failure):
    """The exported model does not reproduce the trained one."""


class Terminated(BaseException):
    """SIGTERM stops the command; like KeyboardInterrupt, it is not caught by `except Exception`."""


def find_nearest(received: object, allowed: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the nearest allowed name; None if no similarity reaches `cutoff`, in [0, 1], or a value of another type was received."""
    near = difflib.get_close_matches(received, list(allowed), n=1, cutoff=cutoff) if isinstance(received, str) else []
    return near[0] if near else None


def did_you_mean(received: object, allowed: Iterable[str], cutoff: float = 0.5) -> str:
    """Return "; did you mean 'x'?" for the nearest allowed name, or an empty string if `find_nearest` finds none."""
    nearest = find_nearest(received, allowed, cutoff)
    return f"; did you mean {nearest!r}?" if nearest is not None else ""


def one_line(text: object, limit: int = 200) -> str:
    """Return the text on one line, without control characters, truncated to `limit` characters."""
    flat = "".join(c if c.isprintable() else " " for c in " ".join(str(text).split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
