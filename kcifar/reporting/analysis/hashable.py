"""Plain containers as something that can be compared and looked up."""

from collections.abc import Hashable, Mapping
from typing import Any


def frozen(value: Any) -> Hashable:
    """Return plain containers as something that can be compared and looked up: mappings whatever their order, NaN equal to itself.

    Example:
        >>> frozen({"a": [1, 2.0], "b": {}}) == frozen({"b": {}, "a": [1.0, 2]})
        True
        >>> frozen({"flip": True}) == frozen({"flip": 1})
        False
    """
    if isinstance(value, Mapping):
        return "mapping", frozenset((key, frozen(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(map(frozen, value))
    return ("truth", value) if isinstance(value, bool) else "nan" if value != value else (value,)
