"""What a factory's docstring says about the factory and its arguments."""

import inspect
import re

from kcifar.core.registry import Factory

_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:(?: .*)?\n?)*)", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n     .*)*)", re.MULTILINE)


def read_summary(factory: Factory) -> str:
    """Return the first paragraph of a factory's docstring, on one line; empty if there is none."""
    return _join_lines((inspect.getdoc(factory) or "").split("\n\n")[0])


def read_argument_descriptions(factory: Factory) -> dict[str, str]:
    """Return the description of each argument that the docstring's section `Args:` or `Attributes:` describes, on one line."""
    section = _SECTION.search(inspect.getdoc(factory) or "")
    return {name: _join_lines(text) for name, text in _ARGUMENT.findall(section[1])} if section else {}


def _join_lines(text: str) -> str:
    return " ".join(text.split())
