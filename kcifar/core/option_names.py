"""How a message names an option: as the command line has it, or as the arguments of a call from Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Options without a value, and options whose argument has another name in Python.
_FLAGS = frozenset({"resume", "overwrite"})
_ARGUMENTS = {"stages": "recipe", "format": "formats"}

_IS_PYTHON = ContextVar("kcifar_python_names", default=False)


@contextmanager
def python_names() -> Iterator[None]:
    """Name options as arguments of a Python call in every message that is built inside the block."""
    token = _IS_PYTHON.set(True)
    try:
        yield
    finally:
        _IS_PYTHON.reset(token)


def uses_python_names() -> bool:
    """Whether messages are read by someone who called a function rather than typed a command."""
    return _IS_PYTHON.get()


def name_option(option: str, value: object = None) -> str:
    """Return an option as the user would write it.

    Args:
        option: Its name on the command line, without dashes: "resume", "dry-run".
        value: A value to show with it, or a word that stands for one; None for the bare name.

    Example:
        >>> name_option("resume"), name_option("run"), name_option("data", "FILE.npz")
        ('--resume', '--run', '--data FILE.npz')
        >>> with python_names():
        ...     name_option("resume"), name_option("run"), name_option("data", "FILE.npz")
        ('resume=True', 'run', "data='FILE.npz'")
    """
    if not _IS_PYTHON.get():
        return f"--{option}" if value is None else f"--{option} {value}"
    argument = _ARGUMENTS.get(option, option.replace("-", "_"))
    if option in _FLAGS:
        return f"{argument}=True"
    return argument if value is None else f"{argument}={str(value)!r}"
