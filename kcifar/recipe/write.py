"""A recipe as YAML text."""

from collections.abc import Mapping
from typing import Any

import yaml

from kcifar.recipe.yaml_file import parse_plain


def yaml_text(recipe: Mapping[str, Any]) -> str:
    """Write a recipe's plain containers as YAML."""
    return str(yaml.dump(dict(recipe), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150))


class _Dumper(yaml.SafeDumper):
    """Quotes every text that `read_yaml` would not give back as that text, such as the name "1e-3"."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    style = None if text and parse_plain(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
