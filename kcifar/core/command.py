"""What every command shares: one line for a mistake, and the exit codes.

0 done; 2 the user's mistake; 1 anything else; 130 after Ctrl-C; 143 after SIGTERM.
"""

import sys
from typing import NoReturn

import typer

from kcifar.core.errors import Failure, Terminated, UserError


def new_app(help_text: str) -> typer.Typer:
    """Return a command-line application with the project's settings."""
    settings = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(help=help_text, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=settings)


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command and leave the process with its exit code; a mistake becomes one line on standard error."""
    sys.exit(exit_code(app))


def exit_code(app: typer.Typer) -> int:
    """Run a command and return its exit code."""
    try:
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (UserError, Failure) as error:
        return _say(str(error), error.exit_code)
    except Terminated:
        return 143
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _say(str(error), 1)
    except Exception as error:
        if hasattr(error, "format_message"):  # an option that the command line does not know
            return _say(f"{error.format_message()} (--help lists all options)", 2)
        raise


def _say(line: str, code: int) -> int:
    print(f"error: {line}", file=sys.stderr)
    return code
