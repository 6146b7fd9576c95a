"""The arguments of a single part on the command line: `--set width=64`, for commands that have no recipe."""

from collections.abc import Collection, Sequence
from typing import Any

from kcifar.core.checks import Path, checked_arguments
from kcifar.core.errors import UserError, one_line
from kcifar.core.registry import Factory
from kcifar.recipe.yaml_file import parse_yaml


def parse_part_arguments(factory: Factory, settings: Sequence[str], place: str, supplied: Collection[str]) -> dict[str, Any]:
    """Check `--set key=value` texts against the arguments of a part.

    Args:
        factory: The registered function or class.
        settings: "key=value", the value as in a recipe: "widths=[8, 8]".
        place: The name of the part in messages that concern none of the settings.
        supplied: Arguments that the caller passes itself.
    Returns:
        Every argument with its value, defaults filled in.
    Raises:
        UserError: A text without key or value, an unknown argument, or a value out of range.
    """
    places = {text.partition("=")[0]: _describe_place(text) for text in settings}
    arguments = dict(_parse_setting(text) for text in settings)

    def locate(path: Path) -> str:
        return places.get(str(path[0]), place) if path else place

    return checked_arguments(factory, arguments, (), locate, supplied)


def _parse_setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"{_describe_place(text)}: expected key=value, got {one_line(text, 80)!r}")
    return key, parse_yaml(value, _describe_place(text))[0]


def _describe_place(text: str) -> str:
    return f"--set {one_line(text, 80)}"
