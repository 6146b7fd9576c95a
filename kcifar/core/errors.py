"""The ways a command ends badly, and the names offered for a misspelt one."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user: one line that names the place, what is allowed and what was received; exit code 2."""

    exit_code = 2


class Failure(Exception):
    """Work cannot go on although nothing was mistyped; one line, exit code 1."""

    exit_code = 1


class TrainingFailed(Failure):
    """A loss is not finite."""


class ExportFailed(Failure):
    """An exported model does not do what the trained one did."""


class Terminated(BaseException):
    """SIGTERM asked the command to stop: like KeyboardInterrupt, and like it nothing that `except Exception` should catch."""


def did_you_mean(received: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest allowed name, or an empty text if none is near."""
    near = difflib.get_close_matches(received, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_line(text: object, limit: int = 200) -> str:
    """Return the text on one line, without control characters, shortened to `limit` characters."""
    flat = "".join(c if c.isprintable() else " " for c in " ".join(str(text).split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
