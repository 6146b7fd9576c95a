"""Where modules and names of older versions are now, for the message that a user's file or script gets when it imports an old one."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType

TABLE_FILE = Path(__file__).with_name("moved.txt")


class MovedError(ImportError):
    """An import of a module that has moved; the message says where it is now."""


@cache
def read_new_names() -> Mapping[str, str]:
    """Return the present name of every module, and of every name in a module, that has moved."""
    lines = TABLE_FILE.read_text(encoding="utf-8").splitlines()
    return {old: new for old, separator, new in (line.partition(" -> ") for line in lines) if separator}


def check_not_moved(name: str) -> None:
    """Refuse the name of a module that has moved.

    Raises:
        MovedError: The message says where the module is now.
    """
    new_name = read_new_names().get(name)
    if new_name is not None:
        raise MovedError(f"{name} is now {new_name}", name=name)


def describe_move(error: BaseException) -> str | None:
    """Return "kcifar.registry is now kcifar.core.registry" for an error caused by an old name; None for any other error."""
    new_names = read_new_names()
    return next((f"{name} is now {new_names[name]}" for name in _list_missing_names(error) if name in new_names), None)


def _list_missing_names(error: BaseException) -> Iterator[str]:
    """Yield the full names that an error says are missing."""
    if isinstance(error, ImportError) and error.name:
        yield error.name
        missing = re.match(r"cannot import name '(\w+)'", str(error))
        if missing:
            yield f"{error.name}.{missing[1]}"
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        yield f"{error.obj.__name__}.{error.name}"
