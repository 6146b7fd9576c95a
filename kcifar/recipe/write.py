"""Writes a recipe as YAML."""

import math
from collections.abc import Mapping
from typing import Any

import yaml

from kcifar.recipe.yaml_file import parse_plain_scalar


def format_yaml(recipe: Mapping[str, Any]) -> str:
    """Return a recipe's plain containers as YAML text."""
    return str(yaml.dump(dict(recipe), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150))


class _Dumper(yaml.SafeDumper):
    """Quotes every text that `read_yaml` would otherwise read as another value, such as the name "1e-3"."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    style = None if text and parse_plain_scalar(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def format_flow_yaml(value: Any) -> str:
    """Write a value as YAML on one line: "[a, b]", "{name: adam}"."""
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
    return str(text).removesuffix("...\n").strip()
