"""What all commands share: one-line error messages and exit codes.

0 success; 2 user error; 1 any other failure; 130 after Ctrl-C; 143 after SIGTERM.
"""

import contextlib
import os
import re
import sys
from typing import Any, NoReturn

import typer

from kcifar.core.errors import Failure, Terminated, UserError
from kcifar.core.interruption import end_soon_after_signals


def make_app(help_text: str) -> typer.Typer:
    """Return a command-line application with the project's settings."""
    settings = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(help=help_text, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=settings)


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command and end the process with its exit code; each mistake or failure becomes one line on standard error.

    Ctrl-C and SIGTERM end the process within five seconds; see `kcifar.core.interruption`.
    """
    with end_soon_after_signals():
        code = run_command(app)
        if code in (130, 143):
            _exit_at_once(code)
    sys.exit(code)


def _exit_at_once(code: int) -> NoReturn:
    """End the process without waiting for its other threads, which may still be computing or downloading."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run_command(app: typer.Typer) -> int:
    """Run a command and return its exit code."""
    try:
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (UserError, Failure) as error:
        return _print_error(str(error), error.exit_code)
    except Terminated:
        return 143
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _print_error(str(error), 1)
    except Exception as error:
        if hasattr(error, "format_message"):  # an option that the command does not have
            return _print_error(f"{error.format_message().replace('Value error, ', '')}{_suggest_stages(error)} (--help lists all options)", 2)
        raise


def _suggest_stages(error: Any) -> str:
    """Return what to write where a recipe was named without its option, as in `kcifar train first.yaml`."""
    extra = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((\S+).*\)", error.format_message())
    options = [option for parameter in error.ctx.command.params for option in parameter.opts] if extra else []
    is_given = any(argument.split("=")[0] == "--stages" for argument in sys.argv)
    return f"; did you mean --stages {extra[1]}?" if extra and "--stages" in options and not is_given else ""


def _print_error(text: str, code: int) -> int:
    for line in text.splitlines() or [""]:  # each mistake is a line of its own
        print(f"error: {line}", file=sys.stderr)
    return code
