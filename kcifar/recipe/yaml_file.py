"""YAML with line numbers, read strictly.

The result is plain containers and a map from each value's path to its line. Numbers and booleans follow YAML 1.2 (`1e-3` is a
number, `no` is a text), repeated keys are refused, and aliases count as the values they expand to: a few lines cannot become gigabytes.
"""

import contextlib
import math
import re
from pathlib import Path as FilePath
from typing import Any

import yaml

from kcifar.core.checks import Path
from kcifar.core.errors import UserError, did_you_mean, one_line

MAX_BYTES = 100_000
MAX_VALUES = 10_000

# On texts of these signs alone, such as the recipes of run folders, libyaml, ten times faster, agrees with PyYAML's own parser. They do not
# agree on tabs, "?" in flow mappings, "|#" and others; and the messages of PyYAML's are the clearer ones.
_SIGNS_OF_BOTH = re.compile(r"""[A-Za-z0-9_ .:,*"'/+\[\]{}\n-]*""")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False, ".inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


def read_yaml(path: FilePath) -> tuple[Any, dict[Path, int]]:
    """Return the contents of a YAML file and the line of each value, from 1.

    Raises:
        UserError: The file is missing, is not a file, is not UTF-8 or YAML, is too large, or contains a key twice.
    """
    return parse_yaml(_read_text(path), str(path))


def parse_yaml(text: str, name: str) -> tuple[Any, dict[Path, int]]:
    """Return the contents of a YAML text and the line of each value; `name` identifies the text in messages."""
    try:
        root = _compose(text)
    except yaml.YAMLError as error:
        raise UserError(_describe_syntax_error(name, text, error)) from None
    except RecursionError:
        raise UserError(f"{name}: nested too deeply to be a recipe") from None
    builder = _Builder(name)
    value = builder.build(root, ()) if root is not None else None
    return value, builder.lines


def _compose(text: str) -> yaml.Node | None:
    if yaml.__with_libyaml__ and _SIGNS_OF_BOTH.fullmatch(text):
        with contextlib.suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=yaml.CSafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def parse_scalar(text: str) -> Any:
    """Return the value of a one-line YAML text, as in `--set stages.1.epochs=3`."""
    value, _ = parse_yaml(text, "the value")
    return value


def parse_plain_scalar(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text) and len(text) <= 30:
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _read_text(path: FilePath) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{_suggest_sibling(path)}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: expected a recipe of at most {MAX_BYTES:,} bytes, got {len(data):,}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: expected UTF-8 text, got the byte 0x{data[error.start]:02x}") from None


def _suggest_sibling(path: FilePath) -> str:
    """Suggest the nearest recipe of the same folder."""
    try:
        return did_you_mean(path.name, [file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml")])
    except OSError:
        return ""


def _describe_syntax_error(name: str, text: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{name}:{mark.line + 1}" if mark else name
    if isinstance(error, yaml.reader.ReaderError):  # a character that YAML does not allow; the error has a position but no line
        place = f"{name}:{text.count(chr(10), 0, error.position) + 1}"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return f"{place}: not valid YAML: {one_line(problem)}"


class _Builder:
    """Converts a YAML node tree into containers, records the line of each path, and counts values."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self.lines: dict[Path, int] = {}

    def build(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES or len(path) > 50:
            raise UserError(f"{self._name}:{line}: expected at most {MAX_VALUES:,} values, got more (aliases count as the values they expand to)")
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key == "<<":
                raise UserError(f"{self._name}:{line}: expected a plain word as a key, got {one_line(key, 40)!r}")
            if key in values:
                raise UserError(f"{self._name}:{line}: the key {one_line(key, 40)!r} is given twice")
            self.lines[(*path, key)] = line
            values[key] = self.build(value_node, (*path, key))
        return values

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        text: str = node.value
        if getattr(node, "style", None):  # quoted or block text
            return text
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise UserError(f"{self._name}:{line}: expected a plain value, got the tag {one_line(node.tag, 40)!r}")
        return parse_plain_scalar(text)
