"""From a name and its arguments to a data set."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.checks import Path, checked_arguments
from kcifar.core.errors import UserError, one_line
from kcifar.datasets import DATASETS
from kcifar.datasets.dataset import Dataset, Source
from kcifar.recipe.yaml_file import parse_yaml


def load_dataset(name: str, arguments: Mapping[str, object], source: Source, place: str = "") -> Dataset:
    """Load a registered data set.

    Args:
        name: As a recipe writes it.
        arguments: The data set's own keys: the recipe's, without those that every data set has (`validation`, …).
        source: The user's files, and who is told of what.
        place: Where the recipe names the data set, for messages: "stages/mine.yaml:4: dataset".
    Raises:
        UserError: No such data set, arguments that it does not take, or files that are not what they should be.
    """
    factory = DATASETS.get(name, place)
    values = checked_arguments(factory, arguments, (), lambda path: place or f"data set {name}", supplied=("source",))
    dataset: Dataset = factory(source, **values)
    return dataset


def chosen_arguments(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """Check `--set key=value` texts against a data set's own arguments.

    Args:
        name: Of a registered data set.
        settings: "key=value", the value as in a recipe: "image_size=64".
    Returns:
        Every argument with its value, defaults filled in.
    Raises:
        UserError: No such data set or argument, or a value out of range.
    """
    places = {text.partition("=")[0]: f"--set {one_line(text, 80)}" for text in settings}
    given = {text.partition("=")[0]: _parsed_value(text) for text in settings}

    def place(path: Path) -> str:
        return places.get(str(path[0]), f"data set {name}") if path else f"data set {name}"

    return checked_arguments(DATASETS.get(name, "datasets"), given, (), place, supplied=("source",))


def _parsed_value(text: str) -> Any:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UserError(f"--set {one_line(text, 80)}: expected key=value, got {one_line(text, 80)!r}")
    return parse_yaml(value, f"--set {one_line(text, 80)}")[0]
